"""Shapes of food, drinks and toys; the notation is that of `mars.pocket_vl.world.icons`."""

ICONS: dict[str, str] = {
    "cake": """
        line u 5 32 34 32 52; line y 5 50 30 50 52; line g 5 68 34 68 52
        oval o 28 20 36 34; oval o 46 16 54 30; oval o 64 20 72 34
        round b 5 12 50 88 90; rect w 12 68 88 74
        blob i 10 56 12 48 88 48 90 56 84 68 76 60 66 68 56 60 46 68 36 60 26 68 18 62
        round l 3 4 88 96 95""",
    "bread": """
        blob b 4 62 12 44 34 34 66 34 88 44 96 62 88 76 50 80 12 76
        line t 6 26 46 36 64; line t 6 46 42 56 62; line t 6 66 43 74 60""",
    "pizza": """
        poly y 10 26 90 26 50 98; line b 13 10 18 50 12 90 18
        disc r 36 40 9; disc r 62 38 8; disc r 50 62 8; line h 4 46 48 54 46; line h 4 46 80 52 78""",
    "soup": """
        curve s 5 36 6 42 14 34 22 40 32; curve s 5 56 4 62 13 54 21 60 32
        line s 6 70 44 94 14
        pie m 6 6 94 94 0 180; rect m 34 86 66 96; oval w 6 40 94 62; oval o 12 43 88 60
        disc g 36 52 4; disc y 56 50 5; disc g 70 53 4""",
    "salad": """
        blob g 8 52 14 26 32 20 38 8 54 18 70 10 80 26 92 34 92 54
        blob h 24 52 30 34 44 30 50 52; blob h 62 50 70 30 82 44 80 54
        disc r 54 38 10; disc r 26 44 7; oval y 64 40 78 52
        pie w 8 12 92 92 0 180; rect u 11 58 89 66; rect w 36 88 64 95""",
    "cookie": """
        disc t 50 50 44; disc x 92 22 17; disc x 74 6 9
        disc a 34 30 7; disc a 56 40 7; disc a 28 56 7; disc a 50 68 8; disc a 74 62 7; disc a 52 16 4
        disc a 34 78 4""",
    "sandwich": """
        line b 3 50 2 50 40; disc h 50 12 8; disc r 50 12 3
        blob t 8 46 10 26 50 22 90 26 92 46; line b 3 14 30 50 26 86 30
        blob g 4 52 16 44 50 46 84 44 96 52 86 62 70 54 56 64 42 54 28 64 14 58
        rect r 10 60 90 67; poly y 10 66 90 66 74 78 58 67 30 67
        round t 6 8 74 92 90""",
    "pancake": """
        oval l 2 74 98 98; oval o 10 62 90 90; oval t 10 58 90 84; oval o 10 48 90 74; oval t 10 44 90 68
        oval o 10 34 90 58; oval t 10 28 90 52
        blob a 20 40 40 32 74 36 80 46 76 66 70 66 68 50 50 48 40 72 33 70 32 50
        poly y 42 26 62 24 64 36 44 38""",
    "cheese": """
        poly y 4 52 72 14 96 46 96 50; poly o 4 52 96 50 96 88 4 88
        oval b 16 60 34 76; oval b 48 56 60 66; oval b 66 68 86 84; oval b 44 76 54 86; oval o 56 28 72 38""",
    "omelette": """
        line k 9 68 70 96 96; disc d 42 44 41; disc k 42 44 35
        blob y 12 46 20 26 44 18 66 28 72 46 58 50 42 48 26 52; line o 3 18 44 42 38 66 42
        disc g 34 30 3; disc g 50 27 3; disc r 42 36 4; disc g 60 35 3; disc w 42 62 5""",
    "tea": """
        curve m 8 70 48 88 40 86 64 70 70; curve m 9 32 62 18 56 16 40 6 34
        blob m 24 54 36 38 64 38 76 54 72 78 58 88 42 88 28 78
        oval w 32 36 68 44; disc n 50 30 6; line n 5 30 66 70 66
        curve w 3 50 44 56 54 46 60; rect m 34 86 66 92""",
    "juice": """
        line r 6 46 50 62 6 78 4
        poly c 22 26 78 26 70 96 30 96; poly o 25 42 76 42 69 93 31 93
        disc o 24 24 20; disc y 24 24 15; line o 3 24 8 24 40; line o 3 10 16 38 32; line o 3 10 32 38 16""",
    "lemonade": """
        arc c 8 60 28 98 74 270 90; poly c 16 16 80 16 72 94 24 94; poly y 20 34 76 34 70 90 28 90
        poly c 20 18 4 6 40 16
        disc w 42 54 14; disc y 42 54 10; line w 2 42 44 42 64; line w 2 32 54 52 54; poly w 52 66 64 64 66 76 54 78
        poly w 30 74 40 72 42 82 32 84""",
    "coffee": """
        poly w 20 22 80 22 72 98 28 98; poly b 23 42 77 42 73 74 26 74
        round k 3 14 12 86 24; poly k 22 4 78 4 82 14 18 14
        oval a 42 46 58 70; curve t 3 50 47 47 57 53 62 50 69""",
    "milk": """
        poly l 22 36 50 10 78 36; rect w 34 2 66 14; poly w 22 36 36 12 64 12 78 36
        rect w 22 36 78 98; rect u 22 36 78 42; blob k 28 50 44 48 46 60 34 64; blob k 56 66 72 62 74 80 60 82
        blob k 30 78 42 76 42 90 30 90; rect u 22 92 78 98""",
    "cocoa": """
        arc m 8 62 44 98 82 270 90; round m 8 8 40 76 94
        oval a 8 34 76 52; round w 4 18 24 36 42; round w 4 44 28 60 44; round i 4 30 14 48 30
        line w 4 22 66 32 76 42 66 52 76 62 66""",
    "kite": """
        poly m 54 2 88 34 42 70 22 24; poly n 54 2 88 34 50 34; poly n 22 24 50 34 42 70
        curve k 3 42 70 34 78 40 88 26 96; poly r 36 74 26 74 30 84; poly r 38 90 46 82 48 92""",
    "doll": """
        blob b 30 34 30 8 50 2 70 8 70 34; disc t 50 22 16; pie b 33 4 67 34 180 360
        disc k 44 24 2; disc k 56 24 2; arc r 2 43 22 57 33 20 160
        line t 7 36 48 16 62; line t 7 64 48 84 62; line t 7 42 80 42 96; line t 7 58 80 58 96
        poly m 40 38 60 38 78 82 22 82; line n 4 27 72 73 72; disc n 50 48 3""",
    "ball": """
        disc w 50 50 46; pie r 4 4 96 96 270 330; pie y 4 4 96 96 30 90; pie u 4 4 96 96 150 210
        disc w 50 50 11""",
    "puzzle": """
        round m 4 8 30 72 94; disc m 40 18 14; rect m 34 24 46 34; disc m 84 62 14; rect m 66 56 80 68
        disc x 40 90 12; disc x 12 62 12""",
    "balloon": """
        curve k 3 50 74 44 82 56 90 48 99
        oval m 20 2 80 66; poly m 50 62 42 74 58 74; curve w 5 32 32 34 22 42 14""",
    "teddy": """
        disc b 28 14 12; disc b 72 14 12; disc t 28 14 6; disc t 72 14 6
        oval b 24 44 76 94; disc b 18 56 12; disc b 82 56 12; disc b 28 88 12; disc b 72 88 12
        disc b 50 30 26; oval t 38 30 62 50; disc k 40 26 3; disc k 60 26 3; oval k 45 33 55 40; oval t 36 58 64 84""",
    "yoyo": """
        curve k 3 38 62 52 34 66 14 80 10 90 16 86 26 76 22 72 12
        disc m 38 62 35; disc n 38 62 24; disc m 38 62 13; disc w 38 62 5""",
    "marble": """
        disc c 50 26 22; curve u 8 36 34 48 20 64 18; disc i 26 70 24; curve r 8 10 78 26 68 42 62
        disc l 74 72 22; curve g 8 60 66 74 74 88 80; disc w 42 16 4; disc w 16 58 4; disc w 66 60 4""",
}
