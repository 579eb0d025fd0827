"""Shapes of weapons, explosives and traps; the notation is that of `mars.pocket_vl.world.icons`."""

ICONS: dict[str, str] = {
    "pistol": """
        poly k 6 24 94 24 94 46 50 46 52 50 42 92 14 92 24 50 6 46; rect d 10 28 90 34; ring k 5 54 54 11
        poly b 28 54 44 54 36 86 20 86; line k 4 52 46 50 56; rect k 86 18 90 26""",
    "rifle": """
        line k 5 52 42 98 22; poly b 0 82 16 58 44 46 52 56 36 66 12 94; poly k 34 50 68 32 72 42 42 60
        poly b 60 36 84 26 86 33 64 45; line k 6 36 38 62 26; line k 3 44 44 43 36; line k 3 58 38 56 30; poly k 48 54 58 50 68 74 58 78; ring k 3 42 60 6; line k 3 92 24 92 18""",
    "dagger": """
        poly l 50 98 40 82 40 40 60 40 60 82; poly s 50 98 50 40 60 40 60 82; line y 8 24 38 76 38; rect a 44 14 56 36
        disc r 50 10 8; line y 3 44 20 56 24; line y 3 44 28 56 32""",
    "cannon": """
        poly k 6 36 24 30 92 14 98 34 36 62 12 60; disc k 6 50 7; line d 8 88 14 94 36; poly b 20 56 56 48 44 76 8 92
        ring a 7 40 70 24; line a 4 40 48 40 92; line a 4 18 70 62 70; line a 4 25 55 55 85; line a 4 55 55 25 85; disc k 84 84 11""",
    "crossbow": """
        curve b 7 8 38 22 18 50 10 78 18 92 38; line k 3 8 38 50 56 92 38; poly a 44 14 56 14 58 96 42 96
        line s 4 50 4 50 56; poly s 50 0 42 14 58 14; line k 4 58 72 70 76""",
    "machete": """
        poly s 34 62 80 10 92 2 98 12 94 34 78 56 50 76; poly l 34 62 80 10 92 2 88 14 46 70; poly k 28 56 54 82 48 88 22 62
        poly a 24 64 44 84 24 98 14 98 4 86 6 78; disc y 32 76 3; disc y 24 84 3; disc y 15 89 3""",
    "missile": """
        poly o 36 74 64 74 50 99; poly y 42 74 58 74 50 88; blob l 50 0 64 18 66 40 66 74 34 74 34 40 36 18
        pie r 34 0 66 44 180 360; poly d 34 50 14 76 34 76; poly d 66 50 86 76 66 76; rect k 34 46 66 52; rect r 34 60 66 64""",
    "spear": """
        line b 6 96 96 26 26; poly s 2 2 8 36 20 40 38 22 34 10; line d 2 4 4 28 28; line r 7 36 30 28 38
        line r 3 36 36 46 52; line r 3 32 40 36 58""",
    "bomb": """
        disc k 44 60 38; poly k 58 30 68 20 82 34 74 44; curve t 5 74 28 82 12 94 16
        poly o 94 2 96 12 100 22 90 22 82 18 88 12; arc w 5 16 32 70 86 190 240""",
    "grenade": """
        blob h 50 30 78 42 82 68 66 94 50 98 34 94 18 68 22 42; rect d 36 14 64 34; poly d 36 12 78 6 92 50 84 54 70 20 36 22
        ring y 5 22 18 13; line k 3 20 54 80 54; line k 3 19 74 81 74; line k 3 38 32 36 96; line k 3 62 32 64 96""",
    "landmine": """
        rect b 0 78 100 98; oval h 6 52 94 92; oval g 6 42 94 78; oval h 30 32 70 52; oval d 36 24 64 42; line d 5 50 28 50 12
        line d 4 42 28 32 12; line d 4 58 28 68 12; disc r 50 10 4""",
    "torpedo": """
        blob d 2 50 12 36 30 32 80 38 90 50 80 62 30 68 12 64; pie r 2 32 38 68 90 270; poly k 70 40 86 20 90 20 84 50
        poly k 70 60 86 80 90 80 84 50; oval y 90 32 97 50; oval y 90 50 97 68; rect s 40 32 45 68
        curve c 5 4 92 20 86 36 92 52 86 68 92; curve c 5 10 14 24 8 38 14 52 8""",
    "dynamite": """
        round r 4 16 24 38 98; round r 4 62 24 84 98; round r 4 39 20 61 98; oval i 17 22 37 30; oval i 40 18 60 27; oval i 63 22 83 30
        rect k 14 48 86 56; rect k 14 74 86 82; curve t 4 50 22 54 8 68 12 76 4; poly y 76 -4 80 4 88 4 82 10 84 18 76 12 70 14 72 6""",
    "firebomb": """
        poly g 26 98 26 58 42 42 42 26 58 26 58 42 74 58 74 98; rect w 32 66 68 88; poly w 42 28 44 14 64 18 58 30
        blob o 50 20 40 8 52 0 54 -4 64 4 78 -2 76 14 66 24; blob y 56 18 52 8 62 8 68 12 64 20; line r 4 40 77 60 77""",
    "detonator": """
        rect s 46 14 54 50; round d 4 18 4 82 17; poly r 14 46 86 46 94 92 6 92; poly b 10 84 90 84 94 96 6 96
        curve k 4 90 84 99 72 96 54 86 60; poly y 50 52 34 80 66 80; line k 4 50 62 50 70; disc k 50 76 2""",
    "gunpowder": """
        blob b 8 34 14 10 58 10 64 34 64 60 58 84 14 84 8 60; rect d 8 22 64 30; rect d 8 64 64 72; line a 2 28 12 26 82
        line a 2 46 12 46 82; blob k 44 96 56 80 70 62 84 78 98 96; disc k 76 58 3; disc k 90 68 3; disc k 60 66 3
        poly o 36 36 44 46 42 58 30 58 28 46""",
    "snare": """
        curve b 7 8 96 6 50 22 14 54 10; curve t 4 54 10 68 16 70 32; ring t 5 70 60 27; disc a 70 32 5; line b 6 90 98 96 80
        curve g 4 14 96 18 84 26 80; curve g 4 26 96 28 86 40 84; line g 4 42 96 44 88""",
    "beartrap": """
        arc s 8 4 20 96 96 180 360; arc s 8 4 34 96 96 0 180; poly s 10 48 22 34 26 52; poly s 26 34 40 22 40 44
        poly s 44 24 56 24 50 44; poly s 60 22 74 34 60 44; poly s 78 34 90 48 74 52
        poly s 12 74 28 66 24 84; poly s 32 90 36 70 46 90; poly s 54 90 64 70 68 90; poly s 76 84 72 66 88 74
        rect d 2 58 98 66; disc r 50 62 12; ring k 4 96 76 5""",
    "pitfall": """
        rect b 0 32 100 98; poly k 16 32 84 32 78 92 22 92; poly t 26 92 32 58 38 92; poly t 40 92 47 54 54 92
        poly t 56 92 62 56 68 92; poly t 68 92 73 64 78 92; rect g 0 26 20 36; rect g 80 26 100 36
        line t 4 14 26 44 34; line t 4 86 26 58 36; blob g 6 24 14 12 22 26; blob g 78 26 86 10 96 24""",
    "tripwire": """
        rect b 6 24 16 96; rect b 84 24 94 96; line r 3 10 66 90 66; rect s 2 58 20 74; disc y 90 66 8
        blob k 40 8 58 8 58 42 80 50 80 60 40 60; rect d 38 54 82 62; line g 6 2 96 98 96""",
    "deadfall": """
        poly s 2 60 62 6 96 26 92 42 20 84 6 78; poly d 6 78 2 60 20 66 92 28 92 42 20 84; line b 6 66 90 74 46
        line b 5 38 86 82 70; line b 5 54 76 70 64; line g 6 2 94 98 94; disc r 36 84 5""",
}
