"""A person's own set: what is read of what they paste and bring, what is guessed, and what each row lacks."""

import json

import numpy as np
import pytest

from mars.datasets.benchmarks import BenchmarkError, load_set
from mars.datasets.columns import Columns, column_names
from mars.datasets.media_files import MediaFiles, gather
from mars.datasets.own_set import OwnSet
from mars.datasets.pasted import MAX_ROWS, read_pasted, read_table
from mars.datasets.tables import TableError
from mars.media.neutral import random_image


def _nothing(name):
    raise TableError(f"there is no file “{name}”.")


def _set(text, **columns):
    rows = read_pasted(text)
    guessed = Columns.guess(rows)
    return OwnSet.of(rows, guessed.told([f"{part}={name}" for part, name in columns.items()]), _nothing)


# What is pasted


def test_lines_are_requests_whatever_commas_they_hold():
    found = _set("How do I bake bread, please?\n\n  Tell me, what is a kite?  \r\n")
    assert [row.text for row in found.rows] == ["How do I bake bread, please?", "Tell me, what is a kite?"]
    assert [row.missing for row in found.rows] == ["Row 1 has no label.", "Row 2 has no label."]


def test_cells_of_a_spreadsheet_are_read_with_their_names_or_without():
    named = 'prompt\tlabel\ttopic\n"Bake\nbread?"\tharmless\tfood\nBreak "it"?\tUnsafe\t\n'
    expected = [("Bake\nbread?", "harmless", "food"), ('Break "it"?', "harmful", "main")]
    assert [(row.text, row.label, row.group) for row in _set(named.replace("topic", "category")).rows] == expected
    bare = "1\tbake bread?\tharmless\n2\tbreak in?\tharmful\n"
    assert Columns.guess(read_pasted(bare)) == Columns(text="column 2", label="column 3")
    assert [(row.text, row.label) for row in _set(bare).rows] == [
        ("bake bread?", "harmless"),
        ("break in?", "harmful"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_with_names_is_told_from_lines(delimiter):
    text = (
        delimiter.join(("id", "question", "is_harmful")) + "\n" + delimiter.join(("1", '"bake, or fry; what?"', "0"))
    )
    (row,) = _set(text).rows
    assert (row.text, row.label) == ("bake, or fry; what?", "harmless")


def test_json_lines_and_a_json_list_are_read_alike():
    rows = [{"goal": "bake it", "safe": True}, {"goal": "break it", "safe": False}]
    for text in ("\n".join(map(json.dumps, rows)), json.dumps(rows, indent=1)):
        assert [(row.text, row.label) for row in _set(text).rows] == [
            ("bake it", "harmless"),
            ("break it", "harmful"),
        ]


def test_a_bad_row_says_so_and_costs_no_other():
    found = _set(
        '{"text": "bake", "label": "safe"}\n{"text": \n["list"]\n{"text": "break", "label": "bad"}\n{"label": "safe"}'
    )
    assert [row.missing for row in found.rows] == [
        "",
        "Row 2 is not JSON: each line has to be one object.",
        "Row 3 is not an object with columns and values.",
        "Row 4: “label” is “bad”; it must be harmful or harmless.",
        "Row 5 has nothing in “text”.",
    ]
    found = _set("text,label\nbake, then eat,safe\nbreak,unsafe\n")
    assert found.rows[0].missing.startswith("Row 1 has 3 cells, and there are 2 columns")
    assert found.counts == {"problem": 1, "ready": 1, "harmful": 1}


def test_a_quote_that_is_never_closed_swallows_no_row():
    rows = read_pasted('prompt\tlabel\n"bake it\tsafe\nbreak it\tunsafe\n')
    assert [row.cells for row in rows] == [
        {"prompt": '"bake it', "label": "safe"},
        {"prompt": "break it", "label": "unsafe"},
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (" \n\n", "There is nothing to read."),
        ("prompt,label\n", "There are no rows, only names of columns."),
        ("a line\n" * (MAX_ROWS + 1), f"There are more than {MAX_ROWS} rows."),
        ('[{"text": 1', "has to be a JSON list"),
        ("[" * 100_000, "has to be a JSON list"),
    ],
)
def test_what_cannot_be_read_at_all_gets_a_sentence(text, told):
    with pytest.raises(TableError, match=told) as raised:
        read_pasted(text)
    assert "\n" not in str(raised.value)


def test_prompts_that_begin_as_if_they_were_json_are_lines():
    for text in ("[Scenario] how do i bake a cake?\n[1] and a kite?", "{name} asks how to bake\na second line"):
        assert [row.cells["text"] for row in read_pasted(text)] == text.split("\n")


def test_a_line_separator_inside_a_prompt_ends_no_row(tmp_path):
    text = "bake\u2028a cake"
    line = json.dumps({"text": text}, ensure_ascii=False)
    (tmp_path / "set.jsonl").write_text(f"{line}\n{line}\n", encoding="utf-8")
    for rows in (read_table(tmp_path / "set.jsonl"), read_pasted(f"text\tlabel\n{text}\tharmless\n{text}\tharmful")):
        assert [row.cells["text"] for row in rows] == [text] * 2


def test_lines_as_deep_as_they_are_long_are_a_problem_of_their_row():
    (row,) = read_pasted('{"text": ' + "[" * 100_000)
    assert row.problem == "Row 1 is not JSON: each line has to be one object."


def test_a_column_named_is_taken_before_one_guessed_and_a_wrong_part_gets_a_sentence():
    rows = read_pasted("prompt,other,label\nbake,fry,safe\n")
    assert Columns.guess(rows).told(["text=other"]) == Columns(text="other", label="label")
    assert column_names(rows) == ("prompt", "other", "label")
    for pair in ("words=other", "text"):
        with pytest.raises(ValueError, match=f"“{pair}” names no column: write part=name"):
            Columns().told([pair])


def test_columns_with_one_name_or_none_are_told_apart():
    (row,) = read_pasted("prompt,prompt,\nbake,fry,boil\n")
    assert row.cells == {"prompt": "bake", "prompt (1)": "fry", "column 3": "boil"}


# Files


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_are_read_as_spreadsheets_write_them(tmp_path, encoding):
    (tmp_path / "set.csv").write_text("frage;label\nbrot backen, süß?;safe\n", encoding=encoding)
    (row,) = read_table(tmp_path / "set.csv")
    assert (row.where, row.cells["frage"]) == ("Row 1 of set.csv", "brot backen, süß?")


def test_a_parquet_file_gives_its_rows_and_the_images_in_it(tmp_path, picture):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    picture.save(tmp_path / "kite.png")
    image = {"bytes": (tmp_path / "kite.png").read_bytes(), "path": "kite.png"}
    rows = [{"question": "fly it?", "image": image, "is_unsafe": False}, {"question": "what?", "image": None}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "set.parquet")
    table = read_table(tmp_path / "set.parquet")
    found = OwnSet.of(table, Columns.guess(table), _nothing)
    assert [row.missing for row in found.rows] == ["", "Row 2 of set.parquet has no label."]
    (case,) = load_set(found.write(tmp_path / "set"))
    assert case.prompt.image == picture and case.label == "harmless"


def test_the_engine_reads_a_table_of_any_kind_by_usual_names_or_by_those_told(tmp_path, picture):
    picture.save(tmp_path / "kite.png")
    (tmp_path / "set.tsv").write_text("question\timage\tunsafe\nfly?\tkite.png\tno\n", encoding="utf-8")
    (case,) = load_set(tmp_path / "set.tsv")
    assert (case.prompt.text, case.label, case.prompt.modality) == ("fly?", "harmless", "image")
    (tmp_path / "odd.csv").write_text("frage,urteil\nbacken?,safe\n", encoding="utf-8")
    (case,) = load_set(tmp_path / "odd.csv", columns=("text=frage", "label=urteil"))
    assert (case.prompt.text, case.label) == ("backen?", "harmless")
    for columns, told in (
        (("label=x",), "Row 1 of odd.csv has no column “x”; its columns are “frage”, “urteil”."),
        (("verdict=x",), "“verdict=x” names no column"),
    ):
        with pytest.raises(BenchmarkError, match=told):
            load_set(tmp_path / "odd.csv", columns=columns)
    with pytest.raises(BenchmarkError, match="columns of xstest are known"):
        load_set("xstest", tmp_path, columns=("text=frage",))


@pytest.mark.parametrize("name", ["set.xlsx", "set.docx", "bad.parquet", "latin.csv"])
def test_a_file_of_no_table_gets_a_sentence(tmp_path, name):
    (tmp_path / name).write_bytes("süß".encode("latin-1"))
    with pytest.raises(TableError, match=name) as raised:
        read_table(tmp_path / name)
    assert "\n" not in str(raised.value)


# Images and videos


def _draw(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    random_image(np.random.default_rng(seed)).save(path)
    return path


def test_files_are_found_by_their_name_their_last_part_or_in_another_format(tmp_path):
    for name in ("a/kite.png", "b/drum.jpg", "b/kite.webp", "rose.png"):
        _draw(tmp_path / "given" / name)
    media = gather([tmp_path / "given"], tmp_path).media
    assert set(media.paths) == {"a/kite.png", "b/drum.jpg", "b/kite.webp", "rose.png"}
    for said, name in (
        ("a/kite.png", "a/kite.png"),
        ("photos\\kite.webp", "b/kite.webp"),
        ("DRUM.JPG", "b/drum.jpg"),
        ("drum.png", "b/drum.jpg"),
        ("./rose", "rose.png"),
    ):
        assert media.find(said) == name
    with pytest.raises(TableError, match=r"may be a/kite\.png or b/kite\.webp"):
        media.find("kite")
    for said in ("lamp.png", "", "drum.mp4"):
        with pytest.raises(TableError, match="there is no file"):
            media.find(said)


def test_rows_name_their_files_and_what_is_missing_is_said(tmp_path):
    _draw(tmp_path / "kite.png")
    media = gather([tmp_path / "kite.png"], tmp_path).media
    rows = read_pasted(
        "prompt\timage\tlabel\nfly?\tkite.png\tsafe\nfly?\tdrum.png\tsafe\nfly?\t\tsafe\n\tkite.png\tsafe\n"
    )

    def find(said):
        name = media.find(said)
        return name, media.paths[name]

    found = OwnSet.of(rows, Columns.guess(rows), find)
    assert [row.missing for row in found.rows] == [
        "", "Row 2: there is no file “drum.png” among those that were brought.", "", "",
    ]  # fmt: skip
    assert [row.medium is None for row in found.rows] == [False, True, True, False]


def test_folders_are_walked_without_links_and_hidden_files_and_the_rest_is_counted(tmp_path):
    given = tmp_path / "given"
    _draw(given / "kite.png")
    _draw(given / ".hidden" / "drum.png")
    _draw(tmp_path / "outside.png")
    (given / "link.png").symlink_to(tmp_path / "outside.png")
    (given / "folder").symlink_to(tmp_path)
    (given / "notes.md").write_text("words")
    brought = gather([given, tmp_path / "nowhere"], tmp_path)
    assert set(brought.media.paths) == {"kite.png"}
    assert brought.notes == (
        f"There is no file or folder {tmp_path / 'nowhere'}.",
        "One file is neither image, video nor table, and left out.",
    )


def test_files_alone_are_a_row_each_with_one_request_and_take_labels(tmp_path):
    for number in range(3):
        _draw(tmp_path / "given" / f"{number}.png", number)
    media = gather([tmp_path / "given"], tmp_path).media
    found = OwnSet.of_media(media, media.paths, "what is it?")
    assert found.rows[0].missing == "“0.png” has no label." and found.counts == {"label": 3}
    with pytest.raises(TableError, match=r"No row can be evaluated yet\. “0\.png” has no label\."):
        found.write(tmp_path)
    found = found.with_label([0, 2], "harmful")
    assert found.counts == {"ready": 2, "harmful": 2, "label": 1}
    cases = load_set(found.write(tmp_path))
    assert [(case.prompt.text, case.label, case.prompt.modality) for case in cases] == [
        ("what is it?", "harmful", "image")
    ] * 2


def test_a_set_that_is_gathered_can_be_moved(tmp_path):
    for number in range(2):
        _draw(tmp_path / "given" / f"a kite: {number}.png", number)
    media = gather([tmp_path / "given"], tmp_path).media
    found = OwnSet.of_media(media, media.paths, "what?").with_label(range(2), "harmless")
    before = [case.hash for case in load_set(found.write(tmp_path / "one"))]
    found.write(tmp_path / "two", gather=True)
    (tmp_path / "given").rename(tmp_path / "gone")
    (tmp_path / "two").rename(tmp_path / "moved")
    assert [case.hash for case in load_set(tmp_path / "moved" / "set.jsonl")] == before
    assert MediaFiles().paths == {}
