"""A page that is open while its atlas changes elsewhere, and what a stranger stumbled over."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from explorer import (
    address_of,
    api,
    eventually,
    explorer,
    in_address,
    notice,
    says,
    settled,
    true,
    write_corpus,
)

from isogloss.atlas import Atlas

pytestmark = pytest.mark.browser

CHANGED = "The atlas was changed elsewhere; this page now shows it as it is."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("changes")
    write_corpus(folder / "asked.parquet")
    Atlas.build(folder / "asked.parquet", folder / "asked.atlas", text="text")
    return folder / "asked.atlas"


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Path:
    """An atlas that a test may change."""
    shutil.copytree(built, tmp_path / "own.atlas")
    return tmp_path / "own.atlas"


@pytest.fixture(scope="module")
def still(built: Path) -> Iterator[str]:
    """An explorer of an atlas that nobody changes."""
    with explorer(built) as address:
        yield address


def change(server: str, **edit: Any) -> None:
    """Edit the atlas as another window would."""
    api(server, "edits", {"version": api(server, "atlas")["version"], **edit})


def leaves(server: str) -> list[dict[str, Any]]:
    """The topics that hold passages, by their numbers."""
    every = api(server, "topics")["topics"]
    parents = {topic["parent"] for topic in every}
    found = [topic for topic in every if topic["id"] not in parents]
    return sorted(found, key=lambda topic: int(topic["id"]))


def topic_in(address: str) -> str | None:
    """The topic that an address of the page names."""
    found = re.search(r"[#&]topic=(\d+)", address)
    return found[1] if found else None


def step_back(page: Any) -> None:
    """Go back in the history, and on once the page has been told."""
    page.evaluate(
        "() => new Promise(done => { addEventListener('popstate', () => setTimeout(done),"
        " {once: true}); history.back(); })"
    )


def test_a_merge_elsewhere_never_lists_another_topic(open_page: Callable, own: Path) -> None:
    with explorer(own) as server:
        ones = leaves(server)
        chosen = ones[-1]
        page = open_page(server)
        settled(page)
        change(server, kind="merge", topics=[ones[0]["id"], ones[1]["id"]])
        # the number that the page knows is another topic's by now
        page.evaluate(f"location.hash = '#topic={chosen['id']}&show=selection'")
        notice(page, CHANGED)
        now = next(t for t in leaves(server) if t["label"] == chosen["label"])
        assert now["id"] != chosen["id"]
        in_address(page, f"topic={now['id']}")
        page.locator(".selection[aria-busy=false]").wait_for()
        says(page.locator(".selection-head p"), f"{chosen['size']:,}", chosen["label"])


def test_a_topic_that_is_gone_is_let_go_of(open_page: Callable, own: Path) -> None:
    with explorer(own) as server:
        ones = leaves(server)
        page = open_page(f"{server}#topic={ones[0]['id']}")
        settled(page)
        change(server, kind="merge", topics=[ones[0]["id"], ones[1]["id"]])
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        notice(page, CHANGED)
        in_address(page, "topic=", there=False)
        page.locator(".tree-row[aria-selected=true]").wait_for(state="detached")


def test_a_step_back_finds_the_topic_of_then(open_page: Callable, own: Path) -> None:
    with explorer(own) as server:
        ones = leaves(server)
        page = open_page(server)
        settled(page)
        rows = page.locator(".tree-row")
        page.get_by_role("textbox", name="Find a topic").or_(
            page.get_by_role("searchbox", name="Find a topic")
        ).fill(ones[-1]["label"])
        rows.locator("bdi", has_text=ones[-1]["label"]).last.click()
        in_address(page, f"topic={ones[-1]['id']}")
        page.keyboard.press("d")
        in_address(page, "theme=")
        change(server, kind="merge", topics=[ones[0]["id"], ones[1]["id"]])
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        notice(page, CHANGED)
        now = next(t for t in leaves(server) if t["label"] == ones[-1]["label"])
        assert now["id"] != ones[-1]["id"]
        in_address(page, f"topic={now['id']}")
        step_back(page)
        step_back(page)
        in_address(page, "theme=", there=False)

        def shown() -> None:
            assert topic_in(address_of(page)) == str(now["id"])
            chosen = page.locator(".tree-row[aria-selected=true] bdi")
            assert chosen.all_text_contents() == [ones[-1]["label"]]

        eventually(shown)


def test_an_export_asks_whether_the_page_is_current(open_page: Callable, own: Path) -> None:
    with explorer(own) as server:
        ones = leaves(server)
        page = open_page(f"{server}#topic={ones[-1]['id']}&show=selection")
        page.locator(".exports a").first.wait_for()
        change(server, kind="merge", topics=[ones[0]["id"], ones[1]["id"]])
        fetched: list[str] = []
        page.on("download", lambda made: fetched.append(made.url))
        page.get_by_role("link", name=re.compile("Arrow")).click()
        notice(page, CHANGED)
        now = next(t for t in leaves(server) if t["label"] == ones[-1]["label"])
        in_address(page, f"topic={now['id']}")
        page.locator(".selection[aria-busy=false]").wait_for()
        says(page.locator(".selection-head p"), f"{now['size']:,}", now["label"])
        with page.expect_download() as started:
            page.get_by_role("link", name=re.compile("Arrow")).click()
        with pa.ipc.open_stream(started.value.path()) as stream:
            table = stream.read_all()
        assert set(table["label"].to_pylist()) == {ones[-1]["label"]}
        assert len(fetched) == 1  # the first click fetched nothing


def test_of_two_edits_the_second_is_refused_and_said_so(open_page: Callable, own: Path) -> None:
    open_page.expect("status of 409")  # type: ignore[attr-defined]
    with explorer(own) as server:
        one = leaves(server)[0]
        page = open_page(f"{server}#topic={one['id']}")
        settled(page)
        page.get_by_role("button", name="Rename").click()
        field = page.get_by_role("textbox", name=re.compile("New name"))
        field.fill("the second name")
        change(server, kind="rename", topic=one["id"], name="the first name")
        page.keyboard.press("Enter")
        notice(page, "The topic was not renamed")
        assert field.input_value() == "the second name"
        true(page, "document.activeElement.matches(\"input[aria-label^='New name']\")")
        assert field.get_attribute("maxlength") == "200"
        assert Atlas.open(own).topics.label(one["id"]) == "the first name"
        page.get_by_role("button", name="Close the notice").click()
        # an edit of another window is not undone by a key alone
        page.locator("[aria-label^='Undo: rename']:enabled").wait_for()
        page.get_by_role("application").focus()
        page.keyboard.press("Control+z")
        notice(page, "(made elsewhere)?")
        assert Atlas.open(own).topics.label(one["id"]) == "the first name"
        page.keyboard.press("Control+z")
        notice(page, "Undone")
        assert Atlas.open(own).topics.label(one["id"]) == one["label"]


def test_the_same_search_is_sent_again(open_page: Callable, still: str) -> None:
    open_page.expect("net::ERR_FAILED")  # type: ignore[attr-defined]
    page = open_page(still)
    settled(page)
    page.route("**/api/search*", lambda route: route.abort())
    page.keyboard.press("/")
    page.wait_for_selector("#search:focus")
    page.keyboard.type("money")
    page.keyboard.press("Enter")
    page.get_by_text("The search did not work.").wait_for()
    page.unroute("**/api/search*")
    page.get_by_role("searchbox", name="Search passages").press("Enter")
    page.locator(".hit").first.wait_for()
    says(page.locator(".results-head"), "The best 100")
    assert page.locator(".results-how").get_attribute("open") is None


def test_a_wrong_filter_is_said_once_and_hides_no_right_one(
    open_page: Callable, still: str
) -> None:
    open_page.expect("status of 400")  # type: ignore[attr-defined]
    page = open_page(f"{still}#query=money&where=kind%20%3D")
    page.wait_for_selector("#filter[aria-invalid=true]")
    page.get_by_text("The search did not work.").wait_for()
    said = says(page.locator("#filter-says"), "expected a value")
    says(page.locator(".side"), "It waits for a filter that can be read.")

    def all_refused() -> None:
        for path in ("/api/search", "/api/selection", "/passing"):
            assert any(path in what for what in open_page.wrong)  # type: ignore[attr-defined]

    eventually(lambda: (page.evaluate("0"), all_refused()))  # asking the page lets it report
    assert said not in page.inner_text(".side")
    assert page.evaluate("() => window.__said") == []
    page.fill("#filter", "kind = 'odd'")
    page.press("#filter", "Enter")
    page.locator(".hit").first.wait_for()
    page.fill("#filter", "kind = ")
    page.press("#filter", "Enter")
    page.wait_for_selector("#filter[aria-invalid=true]")
    says(page.locator(".filter-force"), "kind = 'odd'")
    page.click(".filter-force button")
    true(page, "document.querySelector('#filter').value === \"kind = 'odd'\"")


def test_odd_addresses_are_set_right_and_said_once(open_page: Callable, still: str) -> None:
    page = open_page(still)
    whole = settled(page)["view"]
    page = open_page(f"{still}#at=0,0,1e-30&topic=99999&lasso=1,2;3")

    def told() -> None:
        last = page.evaluate("() => window.__said.at(-1) ?? ''")
        assert "topic 99999" in last
        assert "area drawn" in last

    eventually(told)
    assert settled(page)["view"] == pytest.approx(whole, abs=0.01)
    in_address(page, "topic=", there=False)


def test_the_largest_topics_have_names_on_the_map(open_page: Callable, still: str) -> None:
    page = open_page(still)
    settled(page)
    ones = sorted(leaves(still), key=lambda topic: -topic["size"])[:3]

    def named() -> None:
        labels = page.locator(".label:visible")
        shown = set(labels.evaluate_all("all => all.map(one => +one.dataset.topic)"))
        for one in ones:
            assert shown & {one["id"], *one["path"]}, one["label"]

    eventually(named)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_points_are_all_seen(open_page: Callable, tmp_path: Path, count: int) -> None:
    texts = ["cats purr", "dogs bark", "stocks fell", "markets rose", "rockets launch"][:count]
    Atlas.build(texts, tmp_path / "few.atlas")
    with explorer(tmp_path / "few.atlas") as server:
        page = open_page(server)
        rows = api(server, "selection", {"limit": 10})["rows"]
        assert len(rows) == count

        def seen_and_free() -> None:
            view = settled(page)["view"]
            box = page.get_by_role("application").bounding_box()
            boxes = page.locator(".label:visible").evaluate_all(
                "all => all.map(one => one.getBoundingClientRect().toJSON())"
            )
            for row in rows:
                x = box["width"] / 2 + (row["x"] - view["x"]) * 2 ** view["zoom"]
                y = box["height"] / 2 - (row["y"] - view["y"]) * 2 ** view["zoom"]
                assert 10 < x < box["width"] - 10
                assert 10 < y < box["height"] - 10
                x, y = x + box["x"], y + box["y"]
                for one in boxes:
                    inside = 0 < x - one["x"] < one["width"] and 0 < y - one["y"] < one["height"]
                    assert not inside

        eventually(seen_and_free)
        said = says(page.locator(".title .hint"))
        assert said.startswith("1 passage" if count == 1 else f"{count} passages")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (390, 844)])
def test_a_phone_has_room(open_page: Callable, still: str, width: int, height: int) -> None:
    page = open_page(
        f"{still}#query=money", viewport={"width": width, "height": height}, has_touch=True
    )
    page.locator(".hit").nth(4).wait_for(state="attached")
    true(page, "document.documentElement.scrollWidth <= innerWidth")
    title = page.locator(".title h1")
    whole = "all => all.filter(h => h.getBoundingClientRect().bottom <= innerHeight).length"

    def has_room() -> None:
        assert title.evaluate("one => one.scrollWidth <= one.clientWidth")
        for furniture in (".legend", ".controls", ".map-top"):
            assert not page.locator(furniture).is_visible()
        assert page.locator(".hit").evaluate_all(whole) >= 3

    eventually(has_room)
    page.get_by_role("button", name="End the search").click()
    page.locator(".legend").wait_for()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Dark theme").click()
    true(page, "document.documentElement.dataset.theme === 'dark'")


# A notice that goes by itself after six seconds stays, to be measured at leisure.
STAYS = """
const soon = window.setTimeout;
window.setTimeout = (run, wait, ...more) => soon(run, wait === 6000 ? 1e8 : wait, ...more);
"""


@pytest.mark.parametrize("size", [(1280, 800), (820, 900), (390, 844)], ids=str)
def test_a_notice_leaves_the_colours_free(
    open_page: Callable, still: str, size: tuple[int, int]
) -> None:
    view = {"width": size[0], "height": size[1]}
    page = open_page(f"{still}#topic=99999", script=STAYS, viewport=view)
    settled(page)

    def is_free() -> None:
        said = page.locator(".notice").bounding_box()
        for furniture in (".legend", ".controls"):
            other = page.locator(furniture).bounding_box()
            assert (
                said["x"] >= other["x"] + other["width"] or other["x"] >= said["x"] + said["width"]
                or said["y"] >= other["y"] + other["height"]
                or other["y"] >= said["y"] + said["height"]
            )  # fmt: skip

    eventually(is_free)


def test_the_table_shows_days_as_days(open_page: Callable, still: str) -> None:
    page = open_page(f"{still}#show=selection")
    cell = page.locator(".table-row[data-row='0'] [data-kind=time]")
    cell.wait_for()

    def is_a_day() -> None:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", cell.inner_text())

    eventually(is_a_day)
