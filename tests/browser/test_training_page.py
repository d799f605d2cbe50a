"""The training page as a researcher uses it: pointing, zooming, choosing, and runs that grow."""

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app import create_app
from app.settings import Settings
from tests.browser.conftest import Watched, serve

Visit = Callable[..., Watched]


@dataclass
class Lab:
    """A server with a folder of runs."""

    url: str
    runs: Path


def lines(first: int, last: int, **more: Any) -> str:
    """Records of the steps from ``first`` to ``last``, every tenth."""
    records = (
        {
            "step": step,
            "bits_per_byte": 2 + 3 / math.sqrt(step) + 0.05 * math.sin(step),
            "lr": 3e-4 * min(1, step / 100),
            "gradient_norm": 0.5,
            "bytes": step * 4096,
            "bytes_per_second": 4000.0,
        }
        | more
        for step in range(first, last + 1, 10)
    )
    return "".join(json.dumps(record) + "\n" for record in records)


def held_out(step: int) -> str:
    sources = {"wikipedia": 2.2, "udhr": 4.5, "code": 1.9}
    record = {"step": step, "valid_bits_per_byte": 2.5, "valid_by_source": sources}
    return json.dumps(record) + "\n"


def start(folder: Path) -> Settings:
    shipped = folder / "shipped" / "model-a"
    shipped.mkdir(parents=True)
    (shipped / "metrics.jsonl").write_text(
        lines(10, 500) + held_out(500) + lines(510, 1000) + held_out(1000)
    )
    row = {"bytes": 1000, "bits_per_byte": 1.9, "bytes_per_patch": 4.5}
    evaluation = {
        **{"model": "model-a", "kind": "byte model", "parameters": 1000, "split": "test"},
        **{"total": row, "languages": {"en": row}, "kinds": {"prose": row}},
        "sources": {"wikipedia": row, "udhr": row | {"bits_per_byte": 4.9}},
    }
    (shipped / "evaluation.json").write_text(json.dumps(evaluation))
    return Settings(
        model_folder=folder / "none",
        blt_folder=folder / "none",
        demo_output=folder / "none",
        plot_data=folder / "none",
        catalogue_max_age=0,
        shipped_models=folder / "shipped",
        runs=folder / "runs",
    )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """One shipped model, one local run of 500 steps of 1000."""
    settings = start(tmp_path)
    run = tmp_path / "runs" / "first"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text(lines(10, 500) + held_out(500))
    (run / "config.yaml").write_text("steps: 1000\n")
    with serve(create_app(settings)) as url:
        yield Lab(url, tmp_path / "runs")


@pytest.fixture
def page(watch: Visit, lab: Lab) -> Page:
    return drawn(watch(f"{lab.url}/training").page)


def drawn(page: Page, runs: int = 2) -> Page:
    expect(page.locator("#runs input:checked")).to_have_count(runs)
    expect(page.locator(f"{MAIN} path.line:not(.faint)")).to_have_count(2 * runs)
    return page


MAIN = "[data-measure=bits_per_byte]"


def last_x(page: Page, tint: int) -> float:
    """Where the line of a run ends, in pixels."""
    d = page.locator(f"{MAIN} path.line.tint-{tint}:not(.faint)").first.get_attribute("d") or ""
    return float(re.findall(r"([\d.]+) [\d.]+", d)[-1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(watch: Visit, lab: Lab, scheme: str) -> None:
    watched = watch(f"{lab.url}/training", color_scheme=scheme)
    page = drawn(watched.page)
    for summary in page.locator("details summary").all():
        summary.click()
    page.locator(f"{MAIN} .curves").focus()
    page.keyboard.press("End")
    watched.check_access()


def test_charts_of_both_runs(page: Page) -> None:
    titles = page.locator("#panels h2").all_inner_texts()
    assert titles == ["Bits per byte", "Gradient norm", "Learning rate", "Bytes per second"]
    assert page.locator(f"{MAIN} circle.dot").count() == 3  # held out: 2 and 1
    expect(page.locator("#runs .meta").nth(1)).to_contain_text("500 of 1,000 steps")
    expect(page.locator("#runs .meta").nth(1)).to_contain_text("left")
    assert page.locator(".no-js").is_hidden()


def test_choosing_runs_and_the_address(page: Page, watch: Visit) -> None:
    page.get_by_role("checkbox", name=re.compile("first")).uncheck()
    drawn(page, runs=1)
    assert "runs=shipped%2Fmodel-a" in page.url
    page.get_by_role("radio", name="steps").check()
    page.locator("#smooth").fill("0")
    page.get_by_role("checkbox", name="height").check()
    expect(page.locator(f"{MAIN} path.faint")).to_have_count(0)
    again = watch(page.url).page
    expect(again.locator("#runs input:checked")).to_have_count(1)
    assert again.get_by_role("radio", name="steps").is_checked()
    assert again.get_by_role("checkbox", name="height").is_checked()
    expect(again.locator("#smooth-words")).to_have_text("none")
    assert again.locator(f"{MAIN} svg").inner_html() == page.locator(f"{MAIN} svg").inner_html()


def test_pointing_shows_values_in_all_charts(page: Page) -> None:
    box = page.locator(f"{MAIN} svg").bounding_box()
    assert box
    page.mouse.move(box["x"] + 52 + (box["width"] - 66) * 0.25, box["y"] + 80)
    tip = page.locator(f"{MAIN} .tip")
    expect(tip).to_be_visible()
    expect(tip.locator("strong")).to_have_text("1.02 MB")
    names = tip.locator("li span").all_inner_texts()
    assert names == ["model-a", "model-a, held out", "first", "first, held out"]
    assert float(tip.locator("li b").first.inner_text()) == pytest.approx(2.19, abs=0.08)
    expect(page.locator("[data-measure=lr] .tip li b").first).to_have_text("0.0003")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_keys_walk_zoom_and_are_spoken(page: Page) -> None:
    chart = page.locator(f"{MAIN} .curves")
    page.get_by_role("radio", name="steps").check()
    chart.focus()
    page.keyboard.press("End")
    spoken = chart.locator("[role=status]")
    expect(spoken).to_have_text(re.compile(r"^step 1,000: model-a [\d.]+; model-a, held out 2.5$"))
    page.keyboard.press("ArrowLeft")
    expect(spoken).to_have_text(re.compile(r"^step 990: "))
    page.keyboard.press("Home")
    expect(spoken).to_have_text(re.compile(r"^step 10: .*first"))
    for _ in range(5):
        page.keyboard.press("PageDown")
    page.keyboard.press("+")
    expect(page.locator("#whole")).to_be_visible()
    assert "from=" in page.url
    page.keyboard.press("Escape")
    expect(page.locator("#whole")).to_be_hidden()
    assert "from=" not in page.url


def test_dragging_zooms_and_fetches_the_part(page: Page) -> None:
    box = page.locator(f"{MAIN} svg").bounding_box()
    assert box
    left, width = box["x"] + 52, box["width"] - 66
    y = box["y"] + 100
    with page.expect_response(re.compile(r"/api/runs/.*axis=bytes&from=\d+&to=\d+")):
        page.mouse.move(left + width * 0.25, y)
        page.mouse.down()
        page.mouse.move(left + width * 0.5, y, steps=3)
        page.mouse.up()
    expect(page.locator("#whole")).to_be_visible()
    ticks = page.locator(f"{MAIN} text[text-anchor=middle]").all_inner_texts()
    assert "0 B" not in ticks and "4 MB" not in ticks
    page.get_by_role("button", name="Show the whole width").click()
    expect(page.locator(f"{MAIN} text", has_text="0 B")).to_have_count(1)


def test_a_run_grows_restarts_and_vanishes(page: Page, lab: Lab) -> None:
    path = lab.runs / "first" / "metrics.jsonl"
    before = last_x(page, 1)
    with path.open("a") as file:
        file.write(lines(510, 800) + '{"step": 810, "bits')
    expect(page.locator("#runs .meta").nth(1)).to_contain_text("800 of 1,000 steps")
    expect(page.locator("#runs .meta").nth(1)).not_to_contain_text("no record")
    page.wait_for_function(
        "([selector, before]) => Number(document.querySelector(selector).getAttribute('d')"
        ".match(/[\\d.]+(?= [\\d.]+$)/)[0]) > before + 50",
        arg=[f"{MAIN} path.line.tint-1:not(.faint)", before],
    )
    with path.open("a") as file:  # killed in the middle of a line, taken up at step 700
        file.write("\n" + lines(710, 720, bits_per_byte=math.nan))
    meta = page.locator("#runs .meta").nth(1)
    expect(meta).to_contain_text("taken up again once")
    expect(meta).to_contain_text("1 line is no record")
    second = lab.runs / "sweep" / "second"
    second.mkdir(parents=True)
    (second / "metrics.jsonl").write_text(lines(10, 100) + held_out(100))
    drawn(page, runs=3)
    path.unlink()
    drawn(page, runs=2)
    assert page.locator("#runs .title").all_inner_texts() == ["model-a shipped", "sweep/second"]


def test_a_run_that_went_to_nan_says_so(page: Page, lab: Lab) -> None:
    with (lab.runs / "first" / "metrics.jsonl").open("a") as file:
        file.write(lines(510, 800, bits_per_byte=math.nan))
        sources = {"wikipedia": math.inf, "udhr": 4.5, "code": 1.9}
        last = {"step": 800, "valid_bits_per_byte": math.nan, "valid_by_source": sources}
        file.write(json.dumps(last) + "\n")
    meta = page.locator("#runs .meta").nth(1)
    expect(meta).to_contain_text("800 of 1,000 steps")
    expect(meta).to_contain_text("valid bits per byte is NaN or infinite")
    expect(meta).not_to_contain_text("held out")
    page.locator("[data-measure=bits_per_byte] summary").click()
    expect(page.locator("[data-measure=bits_per_byte] tbody")).to_contain_text("NaN or ∞")
    page.select_option("#source-run", label="first")
    wikipedia = page.locator("#source-rows tr", has_text="wikipedia")
    expect(wikipedia.locator("td").nth(1)).to_have_text("NaN or ∞")


def test_no_label_of_an_axis_is_cut_off(page: Page, lab: Lab) -> None:
    path = lab.runs / "first" / "metrics.jsonl"
    path.write_text(lines(10, 500, gradient_norm=0.00105) + lines(510, 600, gradient_norm=0.00106))
    label = page.locator("[data-measure=gradient_norm] svg text", has_text="0.00105")
    page.locator("#runs input").first.uncheck()
    expect(label.first).to_be_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        cut = page.evaluate(
            """() => [...document.querySelectorAll("#panels svg")].flatMap((svg) => {
              const { left, right } = svg.getBoundingClientRect();
              const texts = [...svg.querySelectorAll("text")];
              return texts.filter((text) => {
                const box = text.getBoundingClientRect();
                return box.left < left - 0.5 || box.right > right + 0.5;
              }).map((text) => text.textContent);
            })"""
        )
        assert cut == []


def test_an_empty_run_and_one_without_bytes(page: Page, lab: Lab) -> None:
    for name, text in {"empty": "", "odd": '{"step": 3, "own_measure": 5}\n'}.items():
        (lab.runs / name).mkdir()
        (lab.runs / name / "metrics.jsonl").write_text(text)
    expect(page.locator("#runs input:checked")).to_have_count(4)
    expect(page.locator("#runs .meta").nth(1)).to_have_text(re.compile("nothing measured yet"))
    page.get_by_role("radio", name="steps").check()
    expect(page.locator("[data-measure=own_measure] circle.dot")).to_have_count(1)
    expect(page.locator("[data-measure=own_measure] h2")).to_have_text("own measure")


def test_sources(page: Page) -> None:
    rows = page.locator("#source-rows tr")
    assert rows.locator("th").all_inner_texts() == ["udhr", "wikipedia", "code"]
    assert page.locator("#source-head th").all_inner_texts() == [
        "source",
        "first",
        "last",
        "test split",
    ]
    assert rows.first.locator("td").all_inner_texts() == ["4.500", "4.500", "4.900"]
    strong = page.locator("#source-chart path.line:not(.faint)")
    expect(strong).to_have_count(1)
    page.get_by_role("button", name="code").click()
    expect(strong).to_have_count(2)
    page.get_by_role("button", name="udhr").click()
    expect(strong).to_have_count(1)
    page.select_option("#source-run", "local/first")
    expect(page.locator("#source-head")).to_contain_text("model-a, test split")


def test_numbers_as_a_table(page: Page) -> None:
    page.locator(f"{MAIN} summary").click()
    table = page.locator(f"{MAIN} table")
    heads = table.locator("thead th").all_inner_texts()
    assert heads == ["bytes seen", "model-a", "model-a, held out", "first", "first, held out"]
    assert table.locator("tbody tr").count() == 24
    assert table.locator("tbody th").last.inner_text() == "4.1 MB"
    assert table.locator("tbody tr").last.locator("td").nth(2).inner_text() == ""


def test_a_long_run_is_sent_shortened(page: Page, lab: Lab) -> None:
    long = lab.runs / "long"
    long.mkdir()
    (long / "metrics.jsonl").write_text(lines(10, 200_000))
    drawn_band = page.locator(f"{MAIN} path.band")
    expect(drawn_band).to_have_count(1)
    d = page.locator(f"{MAIN} path.line.tint-2:not(.faint)").first.get_attribute("d") or ""
    assert 100 < d.count("L") < 500


def test_without_scripts(watch: Visit, lab: Lab) -> None:
    page = watch(f"{lab.url}/training", java_script_enabled=False).page
    assert page.locator(".no-js svg path").count() == 2
    assert page.locator("#controls").is_hidden()
    expect(page.locator("#runs li")).to_have_count(2)
    page.get_by_role("link", name="first").click()
    assert '"local/first"' in page.content()


def test_a_server_that_is_gone_for_a_while(watch: Visit, lab: Lab) -> None:
    watched = watch(f"{lab.url}/training")
    page = drawn(watched.page)
    page.route("**/api/runs", lambda route: route.abort())
    expect(page.locator("#trouble")).to_contain_text("goes on trying")
    assert page.locator(f"{MAIN} path.line").count() > 0, "what was drawn stays"
    page.unroute("**/api/runs")
    expect(page.locator("#trouble")).to_have_text("")
    watched.forgive("ERR_FAILED")


def test_a_run_that_cannot_be_read_hides_no_other(watch: Visit, lab: Lab) -> None:
    damaged = lab.runs / "a-damaged"  # the list has it before the other
    damaged.mkdir()
    (damaged / "metrics.jsonl").touch()
    os.truncate(damaged / "metrics.jsonl", 300 * 1024 * 1024)
    (damaged / "train_args.json").write_text("{")
    watched = watch(f"{lab.url}/training")
    page = watched.page
    expect(page.locator(f"{MAIN} path.line:not(.faint)")).to_have_count(4)
    expect(page.locator("#runs .meta").nth(1)).to_contain_text("metrics.jsonl is larger than")
    expect(page.locator("#runs .meta").nth(1)).to_contain_text("train_args.json is no JSON")
    expect(page.locator("#trouble")).to_contain_text("a-damaged")
    watched.forgive("422")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_without_sideways_scrolling(watch: Visit, lab: Lab, scheme: str) -> None:
    options = {"width": 360, "height": 740, "color_scheme": scheme, "has_touch": True}
    page = drawn(watch(f"{lab.url}/training", **options).page)
    page.locator(f"{MAIN} summary").click()
    page.locator(f"{MAIN} svg").tap()
    expect(page.locator(f"{MAIN} .tip")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_paper_controls_are_left_out(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator("#controls").is_hidden()
    assert page.locator(f"{MAIN} svg").is_visible()


def scales(page: Page, expression: str) -> Any:
    source = page.locator("link[href$='js/scales.js']").get_attribute("href")
    return page.evaluate(f"import('{source}').then((scales) => {expression})")


def test_axes_and_means(page: Page) -> None:
    assert scales(page, "scales.ticks(0, 10, 5)") == [0, 2, 4, 6, 8, 10]
    assert scales(page, "scales.ticks(1.93, 2.61, 4)") == [2, 2.2, 2.4, 2.6]
    assert scales(page, "scales.ticks(3, 3, 4)") == [3]
    assert scales(page, "scales.logTicks(1, 1000, 5)") == [1, 10, 100, 1000]
    assert scales(page, "scales.logTicks(2, 6, 5)") == [2, 5]
    xs = list(range(50))
    straight = [2 * x + 1 for x in xs]
    found = scales(page, f"scales.smooth({xs}, {straight}, null, 6)")
    assert found == pytest.approx(straight), "a straight line stays one, to its ends"
    gap = scales(page, "scales.smooth([0,1,2,3,4,5,6,7,8], [1,1,1,1,null,3,3,3,3], null, 1)")
    assert gap[4] is None
    assert gap[8] == 3
    weighed = scales(page, "scales.smooth([0,8,9,10,20], [0,1,4,1,0], [1,1,8,1,1], 1)")
    assert weighed[2] == pytest.approx(34 / 10)
    words = "[0, 950, 14319200, 3e-5, 2.01284, 101386000000, null].map((x) => scales.short(x))"
    assert scales(page, words) == ["0", "950", "14.3M", "3e-5", "2.013", "101G", "–"]
