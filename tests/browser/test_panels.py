"""The panels of the page in a real Chromium: search, reader, filter, table, edits, one file."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from explorer import api, explorer, in_address, says, true

from isogloss.atlas import Atlas

pytestmark = pytest.mark.browser

WORDS = {
    "cats": "cats purr kittens whiskers paws meow fur tail",
    "space": "rockets orbit launch moon engines stars planets astronauts",
    "money": "stocks markets bonds shares traders prices banks profit",
}
MARKUP = "<script>document.title = 'broken'</script><img src=x onerror=alert(1)> kittens paws"
ONE_WORD = "x" * 5_000_000


def rows() -> list[dict[str, Any]]:
    made = []
    for n in range(180):
        label = list(WORDS)[n % 3]
        words = WORDS[label].split()
        text = " ".join(words[(n * k + k * k) % 8] for k in range(9))
        made.append({"id": f"d{n}", "text": text, "label": label, "day": f"2001-0{1 + n % 9}-11"})
    made[6]["text"] = MARKUP
    made[9]["text"] = ONE_WORD
    return made


@pytest.fixture(scope="module")
def atlas_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("panels") / "small.atlas"
    Atlas.build(pa.Table.from_pylist(rows()), path, text="text", id="id")
    return path


@pytest.fixture(scope="module")
def server(atlas_path: Path) -> Iterator[str]:
    with explorer(atlas_path) as address:
        yield address


def search(page: Any, query: str) -> None:
    page.keyboard.press("/")
    page.wait_for_selector("#search:focus")
    page.keyboard.type(query)
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit-open")


def test_search_by_keyboard_opens_a_passage_and_comes_back(open_page: Any, server: str) -> None:
    page = open_page(server)
    search(page, "launching rockets")
    assert says(page.locator(".hit mark").first) in ("launch", "rockets")
    at = "[...document.querySelectorAll('.hit-open')].indexOf(document.activeElement)"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    true(page, f"{at} === 1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".reading mark")
    page.wait_for_selector(".near .hit-open")
    in_address(page, "passage=")
    page.click(".near .hit-open >> nth=0")
    page.click("text=Back to the passage before")
    page.wait_for_selector(".reader-back", state="detached")
    page.keyboard.press("Escape")
    true(page, f"{at} === 1")


def test_texts_are_shown_as_text_and_in_parts(open_page: Any, server: str) -> None:
    page = open_page(f"{server}#passage=6")
    page.wait_for_selector(".reading")
    true(page, f"document.querySelector('.reading').textContent === {json.dumps(MARKUP)}")
    assert page.locator(".side script, .side img").count() == 0
    assert "broken" not in page.title()
    page = open_page(f"{server}#passage=9")
    page.wait_for_selector(".reading")
    true(page, "document.querySelector('.reading').textContent.length === 20000")
    page.click("text=more characters")
    true(page, "document.querySelector('.reading').textContent.length === 40000")
    says(page.locator(".reading-more"), "40,000 of 5,000,000")


def test_a_filter_says_its_mistake_and_how_many_pass(open_page: Any, server: str) -> None:
    open_page.expect("status of 400")  # the console reports the refusal
    page = open_page(server)
    page.keyboard.press("f")
    page.wait_for_selector("#filter:focus")
    page.keyboard.type("lable = 'cats'")
    page.keyboard.press("Enter")
    page.wait_for_selector("#filter[aria-invalid=true]")
    says(page.locator("#filter-says"), "did you mean 'label'?")
    page.fill("#filter", "label = 'ca")
    page.wait_for_selector("[role=option]:has-text('cats')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    true(page, "document.querySelector('#filter').value.trim() === \"label = 'cats'\"")
    page.keyboard.press("Enter")
    true(page, "document.querySelector('#filter-says').innerText.startsWith('60 of 180')")
    in_address(page, "where=")


def test_the_table_lists_the_area_and_downloads_it(
    open_page: Any, server: str, tmp_path: Path
) -> None:
    polygon = [[-2, -2], [0.2, -2], [0.2, 2], [-2, 2]]
    wanted = api(server, "selection", {"polygon": polygon, "limit": 0})["count"]
    assert 0 < wanted < 180
    lasso = ";".join(",".join(map(str, corner)) for corner in polygon)
    page = open_page(f"{server}#show=selection&lasso={lasso}")
    page.wait_for_selector(".table-row[data-row]")
    page.wait_for_selector(f".table[aria-rowcount='{wanted + 1}']")
    assert says(page.locator(".selection-head strong"), str(wanted)) == str(wanted)
    page.focus(".table-row[data-row='0']")
    page.keyboard.press("End")
    page.wait_for_selector(f".table-row[data-row='{wanted - 1}']:focus:not([aria-busy=true])")
    with page.expect_download() as made:
        page.click(".exports >> text=Parquet")
    made.value.save_as(tmp_path / "area.parquet")
    assert pq.read_table(tmp_path / "area.parquet").num_rows == wanted


def test_a_name_is_kept_and_taken_back(open_page: Any, server: str) -> None:
    page = open_page(server)
    page.click(".tree-row >> nth=0")
    page.click(".topic-buttons >> text=Rename")
    page.wait_for_selector("input[aria-label^='New name']:focus")
    old = page.input_value("input[aria-label^='New name']")
    page.keyboard.type("Tame <b>beasts</b>")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tree-row:has-text('Tame <b>beasts</b>')")
    page.reload()
    page.wait_for_selector(".tree-row:has-text('Tame <b>beasts</b>')")
    page.wait_for_selector("[aria-label^='Undo: rename']")
    page.keyboard.press("Control+z")
    page.wait_for_selector(f".tree-row:has-text('{old}')")
    assert api(server, "edits")["redo"] is not None


def test_times_can_be_drawn_to_a_filter(open_page: Any, server: str) -> None:
    page = open_page(f"{server}#show=time", viewport={"width": 390, "height": 844})
    page.wait_for_selector(".time-lines svg path")
    page.click("text=Table")
    page.click(".time-table tbody button >> nth=1")
    page.wait_for_selector(".time-table tr[aria-current=true]")
    in_address(page, "day")


def test_one_file_needs_no_server(open_page: Any, atlas_path: Path, tmp_path: Path) -> None:
    atlas = Atlas.open(atlas_path)
    file = tmp_path / "small.html"
    atlas.export_page(file)
    page = open_page(file.as_uri())
    search(page, "launches")
    page.locator(".results-how", has_text="words only").wait_for(state="attached")
    assert says(page.locator(".hit mark").first) == "launch"
    page.click(".hit-open >> nth=0")
    page.wait_for_selector(".near .hit-open")
    page.keyboard.press("f")
    page.wait_for_selector("#filter:focus")
    page.keyboard.type("label IN ('cats', 'money')")
    page.keyboard.press("Enter")
    true(page, "document.querySelector('#filter-says').innerText.startsWith('120 of 180')")
    page.click("[aria-label='Selected passages']")
    with page.expect_download() as made:
        page.click(".exports >> text=CSV")
    made.value.save_as(tmp_path / "out.csv")
    csv.field_size_limit(10_000_000)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as lines:
        records = list(csv.DictReader(lines))
    assert len(records) == 120
    assert {record["label"] for record in records} == {"cats", "money"}
    assert next(r for r in records if r["id"] == "d6")["text"] == MARKUP
    assert page.locator(".topic-buttons >> text=Rename").count() == 0
