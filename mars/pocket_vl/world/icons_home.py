"""Shapes of tools, garments and furniture; the notation is that of `mars.pocket_vl.world.icons`."""

ICONS: dict[str, str] = {
    "hammer": """
        line b 10 54 30 26 94; poly s 40 14 78 28 72 44 34 28; poly s 72 22 94 36 86 54 70 40
        poly d 40 14 24 8 14 22 34 30; poly d 78 28 72 44 80 46 86 32""",
    "ladder": """
        line b 7 32 4 20 96; line b 7 68 4 80 96
        line t 6 31 18 69 18; line t 6 29 36 71 36; line t 6 26 54 74 54; line t 6 24 72 76 72; line t 6 22 88 78 88""",
    "umbrella": """
        line b 5 50 8 50 84; arc b 5 32 74 52 96 0 180; line k 4 50 2 50 12
        pie m 4 8 96 100 180 360; disc x 16 56 12; disc x 39 56 12; disc x 62 56 12; disc x 85 56 12; line b 5 50 50 50 84
        poly n 50 10 38 46 62 46""",
    "lamp": """
        poly y 32 6 68 6 88 52 12 52; line o 3 14 50 86 50; line s 6 50 54 50 84; line k 2 70 54 70 68; disc k 70 70 3
        oval s 26 82 74 98""",
    "clock": """
        disc r 24 16 14; disc r 76 16 14; line d 7 28 82 18 96; line d 7 72 82 82 96
        disc r 50 54 40; disc w 50 54 32; line k 5 50 54 50 32; line k 5 50 54 66 62
        disc k 50 26 2; disc k 50 82 2; disc k 22 54 2; disc k 78 54 2""",
    "candle": """
        blob o 50 2 62 20 56 32 44 32 38 20; blob y 50 14 56 24 50 31 44 24; line k 3 50 28 50 40
        rect w 40 38 60 82; blob w 38 38 50 36 62 38 62 52 57 44 48 48 44 60 40 48
        poly y 14 80 86 80 72 94 28 94; ring y 6 88 78 11""",
    "broom": """
        line b 7 86 4 50 56; poly r 40 50 58 62 52 70 34 56
        poly y 34 54 54 70 48 98 4 78; line o 3 40 66 22 86; line o 3 34 60 12 80; line o 3 47 70 36 92""",
    "bucket": """
        arc k 4 18 2 82 72 180 360; poly m 12 34 88 34 76 96 24 96; oval l 12 26 88 44; oval c 18 30 82 44
        poly n 16 56 84 56 82 66 18 66""",
    "basket": """
        arc b 7 18 4 82 92 180 360; poly t 8 48 92 48 80 94 20 94
        line b 4 14 62 86 62; line b 4 17 76 83 76; line b 4 30 50 34 92; line b 4 50 50 50 92; line b 4 70 50 66 92
        round b 4 4 44 96 54""",
    "rake": """
        line b 7 50 2 50 60; line d 8 10 64 90 64
        line d 6 11 64 11 92; line d 6 27 64 27 94; line d 6 42 64 42 94; line d 6 58 64 58 94; line d 6 73 64 73 94
        line d 6 89 64 89 92; line d 5 50 48 26 62; line d 5 50 48 74 62""",
    "hat": """
        poly k 28 10 72 10 68 76 32 76; oval k 4 68 96 90; oval k 28 4 72 16; poly m 31 54 69 54 68 70 32 70""",
    "scarf": """
        oval m 14 8 86 50; oval x 30 14 70 32; poly m 54 34 78 34 84 88 58 90; poly m 34 40 56 40 44 84 22 76
        line n 6 58 66 80 64; line n 6 58 78 82 76; line n 6 30 62 50 68
        line m 4 62 90 61 99; line m 4 71 90 71 99; line m 4 80 88 82 98; line m 4 24 78 20 86; line m 4 40 84 36 92""",
    "sock": """
        poly m 34 4 72 4 72 56 34 50; blob m 34 44 72 48 70 70 44 92 18 96 8 84 14 72 30 64
        rect n 32 4 74 18; blob n 8 84 14 72 24 70 30 94 18 97; line w 5 36 32 70 32""",
    "shirt": """
        poly m 30 10 70 10 98 34 84 52 74 42 74 94 26 94 26 42 16 52 2 34; pie x 36 -4 64 24 0 180; arc n 4 34 -6 66 26 0 180
        line n 5 28 60 72 60""",
    "shoe": """
        blob m 8 32 16 28 34 34 44 34 58 50 84 58 94 70 92 80 8 80; round w 4 4 76 96 90; line w 4 44 44 54 36
        line w 4 52 52 62 44; line w 4 62 58 70 50; poly n 10 40 24 46 22 74 8 74""",
    "glove": """
        line m 14 28 22 34 56; line m 14 46 10 48 56; line m 14 64 14 62 56; line m 13 80 30 72 62
        line m 14 12 56 34 74; blob m 28 46 76 48 76 72 66 80 36 80 30 70; round n 4 32 78 70 96""",
    "dress": """
        line m 6 38 4 42 24; line m 6 62 4 58 24; poly m 34 14 44 20 56 20 66 14 64 42 36 42
        poly m 36 46 64 46 92 92 8 92; rect n 35 40 65 48
        line n 3 42 52 32 90; line n 3 50 52 50 90; line n 3 58 52 68 90""",
    "belt": """
        oval b 4 20 96 72; oval x 14 28 86 60; rect x 30 50 100 100; round b 3 26 52 98 74
        round y 4 12 46 44 80; round x 2 20 54 36 72; line y 5 20 63 42 63; disc a 60 63 3; disc a 72 63 3; disc a 84 63 3""",
    "mitten": """
        blob r 38 76 32 40 42 10 62 4 80 14 84 44 80 76; blob r 42 70 18 62 8 44 18 36 32 46 44 50
        round w 5 34 76 86 96; line w 4 60 26 60 54; line w 4 48 32 72 48; line w 4 48 48 72 32""",
    "chair": """
        line b 8 26 4 26 96; line b 8 70 50 72 96; line b 8 52 56 52 90; rect b 26 8 32 50; line b 7 28 12 28 52
        poly m 22 46 64 46 80 60 24 60; rect b 22 4 32 60; line t 6 38 14 38 44; line t 6 50 14 50 44; line b 7 28 10 58 10
        line b 7 58 10 58 48""",
    "table": """
        line b 8 14 44 14 92; line b 8 86 44 86 92; line b 7 32 44 32 78; line b 7 68 44 68 78
        poly t 20 24 80 24 98 42 2 42; rect b 2 42 98 50""",
    "bed": """
        round b 4 4 14 16 92; round b 3 86 46 96 92; rect b 8 68 92 80; rect w 14 54 88 70
        round w 6 16 40 40 58; blob m 38 54 44 46 88 50 90 72 38 72; line n 4 40 60 88 60""",
    "shelf": """
        rect b 6 4 14 96; rect b 86 4 94 96; rect b 6 4 94 10; rect b 6 36 94 43; rect b 6 68 94 75; rect b 6 90 94 96
        rect r 18 14 26 36; rect u 28 18 36 36; rect g 38 12 46 36; rect y 58 20 66 36; poly v 70 16 78 14 82 36 74 36
        rect y 20 50 30 68; rect r 32 46 40 68; disc c 64 60 9; rect u 58 78 66 90; rect g 68 80 76 90; rect o 22 80 50 90""",
    "sofa": """
        round m 10 14 22 86 66; round n 5 22 52 50 70; round n 5 51 52 79 70; round m 8 2 42 24 84; round m 8 76 42 98 84
        rect m 14 66 86 82; line k 6 14 84 14 92; line k 6 86 84 86 92""",
    "desk": """
        round k 3 46 6 88 38; rect c 50 10 84 34; rect k 64 38 70 46; rect k 56 44 78 48; rect t 2 48 98 57
        rect b 6 57 40 94; rect t 10 61 36 70; rect t 10 73 36 81; rect t 10 84 36 91; line b 7 90 57 90 94
        line k 3 20 65 26 65; line k 3 20 77 26 77; line k 3 20 87 26 87; line y 4 14 46 22 26""",
    "mirror": """
        oval y 22 2 78 76; oval c 29 9 71 69; line w 5 38 44 56 22; line w 4 46 54 62 34
        rect b 45 76 55 88; poly b 26 96 74 96 64 86 36 86""",
    "stool": """
        line b 8 30 34 16 96; line b 8 70 34 84 96; line b 8 50 36 50 92; line b 5 24 68 76 68; oval r 14 18 86 42
        oval i 14 14 86 34""",
}
