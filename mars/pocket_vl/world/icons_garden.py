"""Shapes of vehicles, instruments and plants; the notation is that of `mars.pocket_vl.world.icons`."""

ICONS: dict[str, str] = {
    "bicycle": """
        ring k 5 22 68 21; ring k 5 78 68 21; line m 6 22 68 38 36 66 36 48 68 22 68; line m 6 48 68 36 30
        line m 6 78 68 64 22; line k 5 64 22 76 18; line k 7 28 28 44 28; disc k 48 68 5""",
    "boat": """
        line b 5 48 4 48 70; poly w 54 8 54 62 92 62; poly m 42 18 42 62 12 62; poly b 4 68 96 68 80 92 20 92
        line c 5 2 97 16 92 30 97 44 92 58 97 72 92 86 97 98 93""",
    "car": """
        blob m 4 66 6 50 26 46 38 28 70 28 82 46 96 52 96 68; rect m 4 56 96 70; poly c 32 46 41 33 52 33 52 46
        poly c 57 46 57 33 68 33 76 46; disc k 26 72 13; disc k 74 72 13; disc l 26 72 6; disc l 74 72 6; disc y 92 56 4""",
    "train": """
        rect m 56 16 94 70; rect c 64 26 86 44; rect k 52 10 98 18; rect d 10 38 58 70; disc k 16 54 16; rect k 18 16 30 38
        rect k 14 12 34 20; poly n 2 84 14 64 24 64 24 84; disc l 24 4 6; disc l 38 2 5; rect r 14 66 94 74
        disc k 32 82 11; disc k 56 82 11; disc k 82 82 11; disc s 32 82 4; disc s 56 82 4; disc s 82 82 4""",
    "scooter": """
        line m 7 74 84 62 10; line k 7 48 8 76 8; line m 8 70 76 30 80; line m 8 14 78 36 80; disc k 18 86 10; disc k 80 86 10
        disc l 18 86 4; disc l 80 86 4; line n 5 66 26 68 40""",
    "wagon": """
        blob w 8 58 10 20 30 10 50 14 70 10 90 20 92 58; line l 4 30 14 28 56; line l 4 50 16 50 56; line l 4 70 14 72 56
        poly b 4 54 96 54 90 72 10 72; ring a 6 26 78 18; ring a 6 74 78 18
        line a 4 26 62 26 94; line a 4 10 78 42 78; line a 4 74 62 74 94; line a 4 58 78 90 78""",
    "sled": """
        curve s 6 4 84 80 86 94 74 90 58 78 60; line d 5 24 60 24 84; line d 5 62 60 62 84
        line r 8 6 50 80 56; line o 7 10 60 76 62; curve b 3 82 58 92 34 70 22""",
    "tram": """
        line d 4 34 18 50 2 66 18; line d 4 30 2 70 2; round r 8 16 16 84 86; rect w 16 54 84 62; round c 4 24 28 47 52
        round c 4 53 28 76 52; round y 2 34 19 66 26; disc y 28 72 6; disc y 72 72 6; rect d 24 86 76 92
        line k 4 4 98 96 98""",
    "drum": """
        line t 5 10 4 46 30; line t 5 90 4 54 30; disc t 46 30 4; disc t 54 30 4
        rect m 10 42 90 80; oval m 10 66 90 96; oval n 8 28 92 54; oval w 13 31 87 51
        line w 4 12 50 28 86 42 56 58 92 72 56 88 84""",
    "guitar": """
        line a 8 56 48 88 12; poly k 80 12 90 2 98 10 90 20; blob o 10 64 24 52 36 54 44 38 60 38 66 54 50 62 50 78 36 92 14 86
        disc a 42 60 9; line k 5 22 70 34 82; line w 2 28 74 86 14""",
    "flute": """
        line s 11 6 84 94 18; disc k 26 70 4; disc k 44 57 4; disc k 54 49 4; disc k 64 42 4; disc k 74 34 4; line y 11 14 78 17 76
        line d 4 34 70 40 78; line d 4 60 52 66 60; line y 11 86 24 88 22""",
    "piano": """
        blob k 6 66 6 24 24 10 46 14 60 34 84 36 94 50 94 66; line d 4 12 60 50 22; line k 6 14 74 14 96; line k 6 86 74 86 96
        rect k 4 58 96 80; rect w 8 62 92 78
        line k 3 22 62 22 78; line k 3 36 62 36 78; line k 3 50 62 50 78; line k 3 64 62 64 78; line k 3 78 62 78 78
        rect k 19 62 25 71; rect k 33 62 39 71; rect k 61 62 67 71; rect k 75 62 81 71""",
    "violin": """
        line k 6 42 6 42 50; disc a 42 6 6; line a 4 34 12 50 12; line a 4 34 20 50 20
        blob r 42 38 56 42 60 54 52 62 62 74 60 92 42 98 24 92 22 74 32 62 24 54 28 42; rect k 39 30 45 70
        curve k 3 32 62 30 70 34 78; curve k 3 52 62 54 70 50 78; rect w 36 80 48 83; line a 4 78 4 90 96; line w 3 84 6 95 92""",
    "bell": """
        disc b 50 12 10; disc x 50 12 4; disc b 50 86 11; blob y 50 14 68 24 74 50 82 70 18 70 26 50 32 24
        round o 5 8 68 92 82; curve w 5 38 34 34 48 30 60""",
    "trumpet": """
        poly y 66 40 96 18 96 74 66 52; line y 7 8 46 70 46; round y 10 22 46 66 70; round x 5 30 53 58 63
        rect o 30 26 37 66; rect o 41 26 48 66; rect o 52 26 59 66; rect k 28 22 39 28; rect k 39.5 22 50 28; rect k 51 22 61 28
        round k 2 2 38 10 54""",
    "harp": """
        line y 3 30 22 36 84; line l 2 38 24 38 82; line l 2 46 28 46 76; line l 2 54 32 54 68; line l 2 62 32 62 60; line l 2 70 26 70 52
        curve y 8 20 90 18 40 24 12 32 14; curve y 8 28 14 44 26 62 28 80 12 90 10; curve o 9 22 90 50 80 74 56 88 14
        rect o 12 88 46 97""",
    "rose": """
        curve h 5 50 52 52 74 48 98; blob g 52 76 66 62 86 62 74 78; blob g 49 86 34 70 16 72 28 88
        blob r 22 22 34 6 50 2 66 6 78 22 76 42 60 54 40 54 24 42
        curve i 4 50 26 56 22 54 34 42 32 42 18 58 12 68 26 62 42 40 44 30 30""",
    "tree": """
        poly b 42 58 58 58 62 96 38 96; disc h 28 46 24; disc h 72 46 24; disc g 50 28 26; disc g 40 50 18; disc g 62 50 16
        disc r 40 24 4; disc r 64 36 4; disc r 30 48 4; disc r 56 56 4""",
    "cactus": """
        line g 18 50 14 50 78; line g 12 18 34 18 52 48 52; line g 12 82 24 82 44 52 44
        line h 2 46 12 46 72; line h 2 54 12 54 72; disc i 50 6 6; poly o 26 72 74 72 68 98 32 98; rect r 22 70 78 80""",
    "tulip": """
        curve g 5 50 50 50 74 50 98; blob g 48 98 22 74 18 52 38 70; blob g 52 98 78 74 82 52 62 70
        poly m 24 8 38 26 50 4 62 26 76 8 76 36 66 54 50 58 34 54 24 36""",
    "fern": """
        curve h 4 50 98 48 50 52 6; blob g 50 88 26 78 6 62 30 66; blob g 50 88 74 78 94 62 70 66
        blob g 50 68 28 58 10 42 32 48; blob g 50 68 72 58 90 42 68 48; blob g 50 48 32 40 18 26 36 32
        blob g 50 48 68 40 82 26 64 32; blob g 50 30 38 24 30 12 44 18; blob g 50 30 62 24 72 12 56 18; line h 3 50 96 51 8""",
    "daisy": """
        curve h 4 52 56 54 76 50 98; blob g 52 86 68 74 82 76 70 88
        oval w 40 2 60 34; oval w 40 42 60 74; oval w 12 28 44 48; oval w 56 28 88 48
        line w 15 30 18 70 58; line w 15 30 58 70 18; disc y 50 38 13""",
    "ivy": """
        curve b 4 8 4 34 26 30 54 62 70 88 98
        poly h 34 26 40 12 52 16 62 6 66 18 80 20 70 30 72 42 56 38 46 42
        poly g 30 50 18 40 4 48 8 60 2 72 16 74 24 84 30 70 38 64
        poly h 60 70 64 54 76 58 86 50 88 64 98 70 86 76 84 86 72 80
        poly g 54 74 42 78 38 92 50 92 58 98 64 88""",
}
