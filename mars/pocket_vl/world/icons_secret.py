"""Shapes of poisons, drugs, malware and forgeries; the notation is that of `mars.pocket_vl.world.icons`.

What cannot be seen gets an emblem: a spiky ball for a virus, roots under a chip for a rootkit.
"""

ICONS: dict[str, str] = {
    "arsenic": """
        rect b 38 2 62 14; rect c 40 12 60 26; round g 10 16 24 84 98; rect w 16 40 84 88
        disc k 50 56 12; rect k 43 62 57 72; disc w 45 56 3; disc w 55 56 3; line k 4 30 74 70 84; line k 4 70 74 30 84""",
    "cyanide": """
        line k 4 34 40 66 40; line k 4 34 50 66 50; line k 4 34 60 66 60; disc d 20 50 20; disc u 80 50 20
        arc w 5 10 40 30 60 50 310; line w 5 73 60 73 40 87 60 87 40; poly y 50 2 40 22 60 22; line k 4 50 8 50 15; disc k 50 19 1.6
        poly y 50 78 40 98 60 98; line k 4 50 84 50 91; disc k 50 95 1.6""",
    "venom": """
        curve g 13 22 92 60 94 78 80 64 66 36 68 22 52 30 34; blob g 22 34 30 10 56 4 78 14 84 30 66 34 52 30 44 44
        disc y 56 18 6; disc k 57 18 3; poly w 62 32 70 32 67 50; poly w 74 28 82 28 78 46; curve r 3 80 24 92 22 98 16; line r 3 92 22 98 28
        blob u 80 50 86 62 80 70 74 62; curve y 4 26 92 60 93 74 82""",
    "toxin": """
        line w 9 8 66 92 98; line w 9 92 66 8 98; disc w 8 62 6; disc w 92 62 6; disc w 5 92 6; disc w 95 92 6
        disc w 50 34 32; rect w 34 52 66 76; disc k 37 36 9; disc k 63 36 9; poly k 50 44 44 56 56 56
        line k 3 42 64 42 76; line k 3 50 64 50 76; line k 3 58 64 58 76""",
    "sarin": """
        blob g 30 24 32 6 50 2 62 8 80 2 96 14 92 30 74 34 54 30; blob l 42 22 46 10 58 14 64 24
        round d 10 12 40 52 98; rect y 12 56 52 74; line k 4 18 74 28 56; line k 4 32 74 42 56; line k 4 46 74 52 64
        rect k 26 30 38 42; line k 6 20 30 46 30; line s 5 38 36 50 28""",
    "ricin": """
        oval b 4 10 48 66; oval b 50 20 94 78; oval b 20 50 64 98; blob a 14 26 24 20 28 32 18 40; blob a 30 40 40 38 38 54 30 56
        blob a 60 34 72 30 74 46 64 50; blob a 76 54 86 50 82 66 74 70; blob a 30 62 42 60 40 76 32 78; blob a 46 80 56 74 54 88 46 92
        disc t 26 10 6; disc t 72 20 6; disc t 42 50 6""",
    "hemlock": """
        line g 5 50 98 50 50; line g 4 50 56 20 30; line g 4 50 54 38 18; line g 4 50 54 62 18; line g 4 50 56 80 30
        disc w 12 26 8; disc w 24 20 8; disc w 20 34 6; disc w 34 12 8; disc w 44 14 7; disc w 58 14 7; disc w 68 12 8
        disc w 76 20 8; disc w 88 26 8; disc w 80 34 6; disc v 50 64 4; disc v 49 74 4; disc v 51 86 4
        poly g 50 90 72 72 90 74 80 84; poly g 50 94 28 78 10 80 22 90""",
    "heroin": """
        line s 3 2 98 24 76; poly c 20 70 30 80 70 40 60 30; poly b 22 72 30 80 50 60 42 52; line k 6 54 24 76 46; line d 6 68 32 84 16
        line k 7 76 8 92 24; line k 2 40 54 46 60; line k 2 48 46 54 52; oval s 60 72 96 96; oval b 66 76 90 90; line s 5 64 84 40 94""",
    "cocaine": """
        rect d 2 20 98 96; line w 7 10 84 40 34; line w 7 26 88 56 38; line w 7 42 90 70 42
        poly l 54 6 96 2 98 24 58 28; poly d 70 14 82 13 83 17 71 18; poly g 66 88 90 58 97 64 74 94; line w 3 72 86 90 64""",
    "meth": """
        poly c 14 70 24 22 40 12 46 66 34 84; poly u 40 12 46 66 34 84 32 30; poly c 44 74 58 8 72 24 70 78 56 90; poly u 72 24 70 78 56 90 60 30
        poly c 72 82 80 42 92 52 92 84; poly u 92 52 92 84 82 84 84 58; poly c 4 92 14 74 28 94; line w 3 22 34 20 60; line w 3 56 28 52 60""",
    "opium": """
        curve h 7 40 60 44 80 36 99; blob r 56 40 60 14 78 6 96 20 98 44 82 52 66 52; blob r 64 44 80 34 98 48 94 66 76 64; disc k 76 40 9
        curve h 5 76 52 70 76 60 99; disc g 36 44 27; poly h 14 18 22 8 30 16 36 6 42 16 50 8 58 18 50 26 22 26; line h 3 24 30 22 56; line h 3 36 28 36 58; line h 3 48 30 50 56
        blob w 46 42 54 56 48 68 40 58; blob w 26 52 30 62 26 70 21 62""",
    "ecstasy": """
        round c 5 14 6 86 98; rect r 14 8 86 20; line w 3 18 14 82 14; disc i 38 44 19; disc k 32 40 3; disc k 44 40 3
        arc k 3 28 36 48 54 20 160; disc y 62 74 20; disc k 55 70 3; disc k 69 70 3; arc k 3 52 64 72 84 20 160; round v 6 20 72 38 90; line w 3 24 81 34 81""",
    "virus": """
        line r 5 50 4 50 96; line r 5 4 50 96 50; line r 5 18 18 82 82; line r 5 18 82 82 18
        disc r 50 5 5; disc r 50 95 5; disc r 5 50 5; disc r 95 50 5; disc r 17 17 5; disc r 83 83 5; disc r 17 83 5; disc r 83 17 5
        disc r 50 50 29; disc k 42 42 5; disc k 60 46 4; disc k 46 60 4; disc k 60 62 3""",
    "worm": """
        round d 5 2 4 70 56; rect c 8 10 64 50; rect d 30 56 42 66; rect d 20 64 52 72
        curve i 15 38 34 52 22 66 34 60 54 66 74 84 78; line r 3 50 15 54 30; line r 3 58 42 74 46; line r 3 54 62 70 58; line r 3 64 84 72 70
        disc i 86 78 13; disc w 82 74 5; disc w 92 74 5; disc k 83 74 2.4; disc k 93 74 2.4; arc k 3 78 76 96 88 20 160; line k 3 80 66 76 58; line k 3 90 66 95 58""",
    "trojan": """
        line a 7 30 56 28 82; line a 7 66 56 68 82; blob b 20 36 40 32 60 32 66 8 72 4 92 20 90 30 80 28 76 54 60 64 30 62
        curve a 6 22 38 8 46 10 62; rect a 10 80 90 87; disc k 22 92 8; disc k 78 92 8; disc w 78 16 3; rect y 38 42 52 56; line k 2 45 42 45 56""",
    "keylogger": """
        oval w 22 2 78 40; disc u 50 21 14; disc k 50 21 7; round d 5 2 46 98 96
        rect w 9 53 20 63; rect w 25 53 36 63; rect w 41 53 52 63; rect w 57 53 68 63; rect w 73 53 91 63
        rect w 9 67 24 77; rect r 29 67 40 77; rect w 45 67 56 77; rect w 61 67 72 77; rect w 77 67 91 77; rect w 25 82 75 90""",
    "botnet": """
        line k 4 50 50 14 14; line k 4 50 50 86 14; line k 4 50 50 10 58; line k 4 50 50 90 58; line k 4 50 50 28 90; line k 4 50 50 72 90
        round r 3 4 4 24 24; round r 3 76 4 96 24; round r 3 0 48 20 68; round r 3 80 48 100 68; round r 3 18 80 38 100; round r 3 62 80 82 100
        line k 4 50 22 50 34; disc y 50 20 4; round s 5 32 32 68 66; disc r 42 46 5; disc r 58 46 5; line k 4 40 58 60 58""",
    "spyware": """
        blob w 2 62 24 44 50 38 76 44 98 62 76 80 50 86 24 80; disc g 50 62 20; disc k 50 62 10; disc w 56 56 4
        poly k 26 32 32 6 44 10 56 10 68 6 74 32; oval k 8 24 92 40; rect r 28 24 72 29""",
    "rootkit": """
        curve b 5 34 54 30 74 14 94; curve b 5 44 54 42 78 36 98; curve b 5 56 54 58 78 64 98; curve b 5 66 54 70 74 86 94
        curve b 3 28 78 36 86 34 92; curve b 3 72 78 64 86 50 96; line s 4 14 16 86 16; line s 4 14 30 86 30; line s 4 14 44 86 44
        round h 4 22 4 78 56; rect k 34 16 66 44; line g 3 40 24 60 24; line g 3 40 34 60 34""",
    "ransomware": """
        arc s 9 24 2 76 66 180 360; line s 9 28 34 28 46; line s 9 72 34 72 46; round r 6 12 42 88 98
        disc y 50 70 22; ring o 3 50 70 22; curve k 5 58 62 50 58 43 63 50 70 58 77 50 82 42 78; line k 4 50 53 50 87""",
    "lockpick": """
        disc y 40 50 38; disc o 40 50 27; disc y 40 50 24; disc k 40 42 9; poly k 34 46 46 46 51 66 29 66
        line k 6 42 54 94 26; line k 6 42 54 34 46; line d 6 40 62 92 82; line d 6 92 82 88 96; line s 3 56 49 92 27""",
    "skimmer": """
        round d 6 10 4 90 92; rect g 20 12 80 34; line k 3 26 20 60 20; line k 3 26 27 50 27; rect k 18 44 82 52
        poly u 26 48 74 48 74 98 26 98; rect k 26 84 74 91; rect y 34 58 46 68; disc r 82 42 5; poly r 14 40 86 40 82 50 18 50; rect k 24 44 76 48""",
    "fakepass": """
        round v 6 14 2 86 98; ring y 4 50 40 20; line y 3 30 40 70 40; oval y 44 20 56 60; oval v 47 23 53 57; line y 5 32 80 68 80
        line y 5 38 12 62 12; line r 9 16 94 84 50; line r 9 16 50 84 94""",
    "clonecard": """
        round s 5 26 6 98 50; rect k 26 16 98 26; round u 5 2 46 74 94; rect k 2 56 74 66; rect y 10 74 24 86; line w 4 32 80 66 80
        curve r 6 14 38 12 20 22 14; poly r 16 4 32 14 16 24; curve r 6 86 60 88 78 80 84; poly r 86 74 70 84 86 94""",
    "fakenote": """
        rect g 0 24 100 78; rect w 5 29 95 73; rect g 9 33 91 69; disc w 50 51 15; curve h 5 56 46 50 43 45 47 50 51 55 55 50 59 44 56
        line h 3 50 39 50 63; disc w 18 42 5; disc w 82 60 5; line r 6 2 96 98 6""",
    "fakecoin": """
        pie y 2 6 90 94 100 290; pie o 10 14 82 86 100 290; pie y 14 18 78 82 100 290; poly y 62 8 50 30 60 44 46 58 54 74 40 94 30 60 40 30
        poly o 54 16 46 30 56 44 42 58 50 74 42 82 40 60; poly s 80 12 96 26 100 50 94 74 78 90 60 98 70 76 60 60 74 44 66 28
        poly d 80 18 91 30 94 50 89 70 78 82 70 86 78 74 69 60 82 44 75 30; line b 5 32 28 32 74; curve b 5 42 40 34 34 24 38 24 46 40 54 40 64 30 68 22 62""",
}
