"""The explorer as a person uses it, in a real Chromium without a GPU or a network."""

import json
import math
import re

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from explorer import (
    HOSTILE,
    address_of,
    colours,
    corner,
    eventually,
    explorer,
    in_address,
    says,
    settled,
    true,
    write_corpus,
)

from isogloss.atlas import Atlas

pytestmark = pytest.mark.browser

QUERY = "how much does a launch cost"


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explorer")
    write_corpus(folder / "asked.parquet")
    Atlas.build(folder / "asked.parquet", folder / "asked.atlas", text="text")
    return folder / "asked.atlas"


@pytest.fixture(scope="module")
def address(atlas):
    with explorer(atlas) as running:
        yield running


def test_the_sea_keeps_its_colour_while_the_map_moves(open_page, address):
    page = open_page(address)
    settled(page)
    still = corner(page)
    box = page.get_by_role("application").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(x + 5 * step, y + step)
        page.wait_for_timeout(20)  # a hand moves on while the map is drawn
    assert max(abs(a - b) for a, b in zip(corner(page), still, strict=True)) < 12
    page.mouse.up()


def search(page, query):
    page.keyboard.press("/")
    page.wait_for_selector("#search:focus")
    page.get_by_role("searchbox", name="Search passages").fill(query)
    page.keyboard.press("Enter")
    return page.get_by_role("list", name="Hits, best first").get_by_role("listitem")


def many_colours(page):
    def seen():
        assert colours(page) >= 8

    eventually(seen)


def test_the_map_is_drawn_with_names_that_do_not_overlap(open_page, address, atlas):
    page = open_page(address)
    assert settled(page)["pointsDrawn"] == len(Atlas.open(atlas))
    many_colours(page)

    def named():
        found = settled(page)
        boxes = page.locator(".label:visible").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().toJSON())"
        )
        assert len(boxes) == found["labels"] >= 5
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart = (
                    a["x"] >= b["x"] + b["width"] or b["x"] >= a["x"] + a["width"]
                    or a["y"] >= b["y"] + b["height"] or b["y"] >= a["y"] + a["height"]
                )  # fmt: skip
                assert apart

    eventually(named)


def test_zooming_in_names_smaller_topics_and_zero_shows_all_again(open_page, address):
    page = open_page(address)
    before = settled(page)
    names = set(page.locator(".label:visible").all_text_contents())
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()

    def nearer():
        zoom = settled(page)["view"]["zoom"]
        assert zoom == pytest.approx(before["view"]["zoom"] + 3, abs=0.01)
        assert set(page.locator(".label:visible").all_text_contents()) != names

    eventually(nearer)
    page.get_by_role("application").focus()
    page.keyboard.press("0")

    def whole():
        zoom = settled(page)["view"]["zoom"]
        assert zoom == pytest.approx(before["view"]["zoom"], abs=0.01)

    eventually(whole)


def test_search_gives_what_the_command_line_gives(open_page, address, atlas):
    page = open_page(address)
    settled(page)
    hits = search(page, QUERY)
    hits.first.wait_for()
    wanted = Atlas.open(atlas).search(QUERY, k=5).hits

    def the_same():
        for hit, shown in zip(wanted, hits.all_text_contents(), strict=False):
            assert hit.text[:40] in shown

    eventually(the_same)
    hits.first.get_by_role("button").first.click()
    page.wait_for_selector(".reading")
    reader = page.get_by_role("complementary", name="Passage")
    says(reader, wanted[0].text[:40])
    in_address(page, f"passage={wanted[0].passage}")


def test_a_filter_acts_and_a_wrong_one_is_explained(open_page, address):
    open_page.expect("status of 400")  # the console reports the refusal
    page = open_page(address)
    settled(page)
    hits = search(page, "money")
    hits.first.wait_for()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("f")
    field = page.get_by_role("combobox", name="Filter")
    field.fill("kind = 'odd'")
    field.press("Enter")
    in_address(page, "kind")
    answer = page.request.get(
        address + "api/search?query=money&k=100&where=kind%20%3D%20%27odd%27"
    ).json()
    assert {hit["attributes"]["kind"] for hit in answer["hits"]} == {"odd"}

    def the_same():
        shown = hits.all_text_contents()
        assert len(shown) == len(answer["hits"])
        for hit, text in zip(answer["hits"], shown, strict=True):
            assert " ".join(hit["text"].split())[:30] in " ".join(text.split())

    eventually(the_same)
    field.fill("kind = ")
    field.press("Enter")
    page.wait_for_selector("#filter[aria-invalid=true]")
    says(page.locator("#filter-says"), "expected a value")


def drag(page, start, end):
    box = page.get_by_role("application").bounding_box()
    place = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.keyboard.down("Shift")
    page.mouse.move(*place[0])
    page.mouse.down()
    page.mouse.move(*place[1], steps=6)
    page.mouse.up()
    page.keyboard.up("Shift")


def test_a_selection_is_counted_and_exported(open_page, address, atlas, tmp_path):
    page = open_page(address)
    settled(page)
    drag(page, (0.3, 0.3), (0.7, 0.7))
    drawer = page.get_by_role("region", name=re.compile("Selection|Selected", re.IGNORECASE))
    drawer.get_by_role("grid", name="Passages").wait_for()
    with page.expect_download() as started:
        drawer.get_by_role("link", name=re.compile("Parquet")).click()
    path = tmp_path / "selected.parquet"
    started.value.save_as(path)
    table = pq.read_table(path)
    assert 20 < table.num_rows < len(Atlas.open(atlas))
    says(drawer, f"{table.num_rows:,}")
    # the corners of the rectangle, from the points themselves
    xs, ys = table["x"].to_numpy(), table["y"].to_numpy()
    points = Atlas.open(atlas).map.coordinates
    inside = (
        (points[:, 0] >= xs.min()) & (points[:, 0] <= xs.max())
        & (points[:, 1] >= ys.min()) & (points[:, 1] <= ys.max())
    )  # fmt: skip
    assert inside.sum() == table.num_rows
    with page.expect_download() as started:
        drawer.get_by_role("link", name=re.compile("CSV")).click()
    started.value.save_as(tmp_path / "selected.csv")
    options = pc.ParseOptions(newlines_in_values=True)
    assert pc.read_csv(tmp_path / "selected.csv", parse_options=options).num_rows == table.num_rows


def test_a_link_reopens_what_one_sees(open_page, address):
    page = open_page(address)
    settled(page)
    hits = search(page, QUERY)
    hits.first.wait_for()
    first = says(hits.first)
    before = settled(page)["view"]["zoom"]
    page.get_by_role("button", name="Zoom in").click()
    box = page.get_by_role("application").bounding_box()

    def written():
        view = settled(page)["view"]
        assert view["zoom"] == pytest.approx(before + 1, abs=0.01)
        x, y, span = map(float, re.search(r"[#&]at=([^&]*)", address_of(page))[1].split(","))
        assert (x, y) == pytest.approx((view["x"], view["y"]), abs=1e-3)
        side = min(box["width"], box["height"])
        assert math.log2(side / span) == pytest.approx(view["zoom"], abs=0.01)
        return {"view": view}

    seen = eventually(written)
    other = open_page(address_of(page))
    again = settled(other)
    other_hits = other.get_by_role("list", name="Hits, best first").get_by_role("listitem")
    assert says(other_hits.first) == first
    assert again["view"]["zoom"] == pytest.approx(seen["view"]["zoom"], abs=0.05)
    assert again["view"]["x"] == pytest.approx(seen["view"]["x"], abs=0.02)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_documents_are_text(open_page, address, text):
    page = open_page(address + f"#passage={HOSTILE.index(text)}")
    settled(page)
    reader = page.get_by_role("complementary", name="Passage")
    reader.get_by_text(text[:20]).first.wait_for()
    assert page.evaluate("() => window.wounded") is None
    assert page.locator("aside img, aside svg[onload], aside a[href^='javascript']").count() == 0
    true(page, "document.documentElement.scrollWidth <= innerWidth")


def test_light_dark_and_phone(open_page, address):
    shades, background = {}, "getComputedStyle(document.body).backgroundColor"
    for scheme in ("light", "dark"):
        page = open_page(address, color_scheme=scheme)
        settled(page)
        shades[scheme] = page

    def light_and_dark():
        light, dark = (
            [int(v) for v in re.findall(r"\d+", shades[scheme].evaluate(background))[:3]]
            for scheme in ("light", "dark")
        )
        assert min(light) > 200
        assert max(dark) < 60

    eventually(light_and_dark)
    page = open_page(address, viewport={"width": 390, "height": 844}, has_touch=True)
    settled(page)
    true(page, "document.documentElement.scrollWidth <= innerWidth")
    box = page.get_by_role("searchbox", name="Search passages").bounding_box()
    assert box["width"] > 150
    assert box["x"] >= 0
    many_colours(page)


def test_keys_are_listed_and_escape_closes(open_page, address):
    page = open_page(address)
    settled(page)
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def test_the_tree_is_used_by_keys(open_page, address):
    page = open_page(address)
    settled(page)
    tree = page.get_by_role("tree", name="Topic tree")
    tree.get_by_role("treeitem").first.focus()
    second = tree.get_by_role("treeitem").nth(1).get_attribute("data-topic")
    page.keyboard.press("ArrowDown")
    true(page, f"document.activeElement.dataset.topic === '{second}'")
    page.keyboard.press("Enter")
    in_address(page, f"topic={second}")


def test_without_webgl_everything_else_works(open_page, address):
    open_page.expect("WebGL")  # its loss is reported
    open_page.expect("reading 'removeEventListener'")  # deck.gl tidies up a canvas it never had
    page = open_page(
        address,
        script="HTMLCanvasElement.prototype.getContext = function () { return null; };"
        "if (window.OffscreenCanvas) OffscreenCanvas.prototype.getContext = () => null;",
    )
    page.get_by_role("note").wait_for()
    hits = search(page, QUERY)
    says(hits.first)


def test_the_server_goes_away(open_page, atlas):
    open_page.expect("Failed to load resource: net::ERR_")
    with explorer(atlas) as running:
        page = open_page(running)
        settled(page)
    search(page, QUERY)
    page.get_by_role("alert").first.wait_for()


def test_a_name_is_kept_and_undone(open_page, tmp_path, atlas):
    import shutil

    own = tmp_path / "own.atlas"
    shutil.copytree(atlas, own)
    leaf = next(topic for topic in Atlas.open(own).topics if not topic.children)
    with explorer(own) as running:
        page = open_page(running + f"#topic={leaf.id}")
        settled(page)
        page.get_by_role("button", name=re.compile("Rename")).first.click()
        page.get_by_role("textbox", name=re.compile("New name")).fill("what <i>launches</i> cost")
        page.keyboard.press("Enter")
        tree = page.get_by_role("tree", name="Topic tree")
        renamed = tree.get_by_role("treeitem", name="what <i>launches</i> cost")
        renamed.wait_for()
        assert Atlas.open(own).topics.label(leaf.id) == "what <i>launches</i> cost"
        page.reload()
        settled(page)
        renamed.wait_for()
        page.get_by_role("button", name=re.compile("Undo")).first.click()
        renamed.wait_for(state="detached")
        assert Atlas.open(own).topics.label(leaf.id) == leaf.label


def test_two_topics_become_one(open_page, tmp_path, atlas):
    import shutil

    own = tmp_path / "own.atlas"
    shutil.copytree(atlas, own)
    before = Atlas.open(own)
    leaves = [topic for topic in before.topics if not topic.children]
    with explorer(own) as running:
        page = open_page(running)
        settled(page)
        answer = page.request.post(
            running + "api/edits",
            data=json.dumps({
                "version": before.manifest.version, "kind": "merge",
                "topics": [leaves[0].id, leaves[1].id],
            }),
            headers={"Content-Type": "application/json", "Origin": running.rstrip("/")},
        )  # fmt: skip
        assert answer.ok, answer.text()
        after = Atlas.open(own)
        assert len([t for t in after.topics if not t.children]) == len(leaves) - 1
        page.reload()
        assert settled(page)["pointsDrawn"] == len(before)


def test_the_page_as_one_file_needs_no_server(open_page, atlas, tmp_path):
    from isogloss.app.cli.main import main

    target = tmp_path / "asked.html"
    assert main(["explore", str(atlas), "--export", str(target)]) == 0
    page = open_page(target.as_uri())
    assert settled(page)["pointsDrawn"] == len(Atlas.open(atlas))
    many_colours(page)
    hits = search(page, "launch cost")
    page.wait_for_selector(".hit mark")
    says(hits.first, "launch")
    assert page.evaluate("() => window.wounded") is None
