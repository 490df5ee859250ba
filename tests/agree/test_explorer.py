"""The explorer in a browser: its numbers are Python's, keys and phones serve, no text is markup."""

import json
import re
import runpy
import shutil

import numpy as np
import pytest

from lopsided import (
    Adjustment,
    Counts,
    Geometry,
    Problem,
    Source,
    foresee,
    measure,
    predict,
    shape,
    solve,
)
from lopsided.cli import main
from lopsided.files import printable
from lopsided.report import explorer

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open pages with")

LOSSES = {
    "cross-entropy": lambda counts, gamma, tau: Adjustment(),
    "weighted": lambda counts, gamma, tau: Adjustment.weighted(counts),
    "logit-adjusted": lambda counts, gamma, tau: Adjustment.logit_adjusted(counts, tau),
    "cdt": lambda counts, gamma, tau: Adjustment.cdt(counts, gamma),
    "ldt": lambda counts, gamma, tau: Adjustment.ldt(counts, gamma),
    "vs": Adjustment.vs,
    "margins": lambda counts, gamma, tau: Adjustment(
        margin=(counts.values / counts.values.max()) ** -gamma
    ),
    "ldam": lambda counts, gamma, tau: Adjustment.ldam(counts),
}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page of counts in a window; what it says on errors or asks of a network is a
    failure."""
    context = browser.new_context(reduced_motion="reduce")
    trouble = []

    def opened(counts, state="", width=1200, measured=None):
        path = tmp_path / "page.html"
        path.write_text(explorer.page(counts, measured))
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.set_viewport_size({"width": width, "height": 800})
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("console", lambda message: trouble.append(message.text))
        page.on(
            "request",
            lambda request: (
                trouble.append(request.url) if request.url.startswith(("http", "ws")) else None
            ),
        )
        page.goto(f"{path.as_uri()}{state}")
        page.locator(".distance:not(:empty)").wait_for()
        return page

    yield opened
    context.close()
    assert trouble == []


@pytest.fixture(scope="module")
def still(browser):
    """A page to ask, that no test changes."""
    page = browser.new_page()
    page.set_content(explorer.component([50, 5]))
    return page


def cases():
    """200 problems: counts from 1 to 10,000, alike or not, every loss and bias, ridges or none."""
    rng = np.random.default_rng(16)
    for i in range(200):
        pool = np.unique(np.round(10 ** rng.uniform(0, 4, rng.integers(1, 7))))
        counts = Counts(rng.choice(pool, rng.integers(2, 11)).astype(int))
        loss = list(LOSSES)[i % len(LOSSES)]
        scaled, ridged = loss in ("cdt", "ldt", "vs", "margins"), i % 3 == 0
        bias = "free" if i % 5 == 0 and (ridged or not scaled) else "none"
        bias = float(10 ** rng.uniform(-3, 2)) if i % 7 == 3 else bias
        gamma, tau = rng.uniform(-0.5, 1), rng.uniform(-1, 2)
        problem = Problem(counts, LOSSES[loss](counts, gamma, tau), ridge=0.0, bias=bias)
        if ridged:
            problem = problem.at(solve.largest_ridge(problem) * 10 ** rng.uniform(-3, -0.1))
        setting = {"loss": loss, "gamma": gamma, "tau": tau, "bias": bias, "ridge": problem.ridge}
        yield problem, setting


def test_two_hundred_problems_have_the_same_geometry_in_python_and_in_the_page(still):
    known = list(cases())
    answers = still.evaluate(
        """cases => cases.map(([counts, setting]) => {
            const { geometry } = lopsided.geometryOf(counts, setting), { contrast } = lopsided;
            const { classifiers, means, logits, gap } = geometry, plain = m => m.map(r => [...r]);
            const rare = lopsided.minorities(counts), frame = lopsided.frameOf(geometry);
            return { gap, parts: [classifiers, means, logits].map(plain),
                margins: lopsided.relativeMargins(geometry),
                alignment: lopsided.alignment(geometry),
                spectrum: lopsided.spectrum(classifiers), held: frame.held.classifiers,
                contrast: Object.values(contrast(means, rare)).map(x => x === x ? x : null) };
        })""",
        [(problem.counts.values.tolist(), setting) for problem, setting in known],
    )
    for (problem, setting), found in zip(known, answers, strict=True):
        if problem.ridge == 0:
            geometry, within = foresee(problem), 1e-11
        else:
            geometry = solve.minimize(problem, tolerance=1e-12).geometry
            within = 3e-5  # of a gap of 1e-10 the square root, the most that it leaves open
            assert found["gap"] < 1e-9, setting
        for part, matrix in zip(
            (geometry.classifiers, geometry.embeddings, geometry.logits),
            found["parts"],
            strict=True,
        ):
            wanted = part.matrix()
            assert np.abs(wanted - matrix).max() <= within * np.abs(wanted).max(), setting
        if problem.ridge:
            continue
        spectrum = geometry.classifiers.spectrum()
        wanted = {
            "margins": shape.relative_margins(geometry),
            "alignment": geometry.alignment(),
            "spectrum": spectrum / spectrum[0],
            "held": spectrum[:3].sum() / spectrum.sum(),
            "contrast": shape.contrast(geometry.embeddings, problem.counts.minorities),
        }
        for name, value in wanted.items():
            seen = np.array(found[name], float)
            np.testing.assert_allclose(seen, value, rtol=1e-8, atol=1e-9, err_msg=str(setting))


STATE = (
    "#counts=50,20,5,5&a=vs&a.gamma=0.3&a.tau=0.5&a.bias=free&a.ridge=0.1&b=margins&b.gamma=0.25"
    "&b.bias=0.5&b.ridge=0.2"
)


def test_the_link_holds_the_state_and_its_python_and_shell_lines_give_what_is_shown(
    open_page, tmp_path, capsys
):
    page = open_page([9, 4], STATE)
    for side in "ab":
        page.locator(f"[data-part=note-{side}]", has_text="proved").wait_for()
    said = page.locator(".distance").inner_text()
    text = {name: page.locator(f"[data-part={name}]").input_value() for name in ("python", "shell")}
    (tmp_path / "copied.py").write_text(text["python"])
    space = runpy.run_path(str(tmp_path / "copied.py"))
    capsys.readouterr()
    for value in space["a"].distance(space["b"]):
        assert f"{value:.3g}" in said
    for line, side in zip(text["shell"].splitlines(), "ab", strict=True):
        assert main([*line.split()[1:], "--json"]) == 0
        groups = json.loads(capsys.readouterr().out)["groups"]
        squares = [group["classifier_squared_norm"] for group in groups]
        wanted = space[side].classifiers.squared_norms()[:3]
        np.testing.assert_allclose(squares, wanted, rtol=1e-6)
    link = page.locator("[data-part=link]").input_value()
    page.goto("about:blank")
    page.goto(link)
    for side in "ab":
        page.locator(f"[data-part=note-{side}]", has_text="proved").wait_for()
    assert page.locator("[data-part=python]").input_value() == text["python"]


def test_a_page_that_is_something_else_too_offers_no_link_that_it_would_not_read(browser):
    page = browser.new_page()
    page.set_content(explorer.component([50, 5]))
    page.locator(".distance:not(:empty)").wait_for()
    offered = page.locator("[data-part=copies] button").all_inner_texts()
    assert offered == ["Copy as Python", "Copy as shell line"]
    assert page.locator("[data-part=link]").count() == 0
    page.close()


def test_a_saved_drawing_hides_nothing_that_is_seen_on_the_page(open_page, tmp_path):
    page = open_page([50, 20, 5], "#a=cross-entropy&b=cross-entropy")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save SVG: norms of classifiers").click()
    download.value.save_as(tmp_path / "norms.svg")
    hollow = re.findall(r"<path [^>]*>", (tmp_path / "norms.svg").read_text())[-1]
    assert page.locator("svg path.b").last.evaluate("e => getComputedStyle(e).fillOpacity") == "0"
    assert 'fill-opacity="0"' in hollow


#: Settings and counts at which the best bias is far, and the loss is flat on the way to it.
FAR = [
    ("ldam", 0, 0, [18, 2]),
    ("ldam", 0, 0, [4, 10, 1719, 10, 10, 10, 1719, 10, 22090]),
    ("logit-adjusted", 0, -1.4, [2, 557715, 244920, 149424, 244920, 26, 33974, 1195, 60377, 44188]),
    ("vs", 0.2, -0.1, [216, 19159, 14093, 14093, 541, 125, 125, 575734, 211, 541, 199]),
]


@pytest.mark.parametrize("bias", ["free", 2e-6])
@pytest.mark.parametrize(("loss", "gamma", "tau", "counts"), FAR)
def test_the_ridge_from_which_the_optimum_is_zero_is_that_of_python(
    still, loss, gamma, tau, counts, bias
):
    adjustment = LOSSES[loss](Counts(counts), gamma, tau)
    largest = solve.largest_ridge(Problem(Counts(counts), adjustment, ridge=0.0, bias=bias))
    setting = {"loss": loss, "gamma": gamma, "tau": tau, "bias": bias}
    found = still.evaluate(
        "([counts, settings]) => settings.map(s => lopsided.begin(s, counts, []).note)",
        [counts, [setting | {"ridge": part * largest} for part in (0.99, 1.01)]],
    )
    assert found[0] == "solving …"
    assert found[1].startswith("At this ridge the optimum is zero")


def test_a_tail_is_that_of_counts(still):
    bases = [(k, base ** (k - 1)) for k in (4, 6) for base in (2, 3, 5)]
    given = [(k, scale * ratio, ratio) for k, ratio in bases for scale in (1, 7)]
    given += [(36, 522, 243), (10, 5000, 100), (7, 1000, 12.5)]
    found = still.evaluate(
        "cases => cases.map(([k, largest, ratio]) =>"
        " lopsided.PROFILES.exponential.counts({ k, largest, ratio }))",
        given,
    )
    assert found == [Counts.exponential(*case).values.tolist() for case in given]
    given = [(k, 512_000, tenths / 10) for k in (8, 32, 100) for tenths in range(28)]
    found = still.evaluate(
        "cases => cases.map(([k, largest, exponent]) =>"
        " lopsided.PROFILES.zipf.counts({ k, largest, exponent }))",
        given,
    )
    assert found == [Counts.zipf(*case).values.tolist() for case in given]


@pytest.mark.parametrize(
    ("profile", "field", "value", "words"),
    [
        ("step", 0, "5", "ρ k must be a whole number of minority classes, from 1 to 4; it is 2.5"),
        ("step", 3, "0.01", "from 1 to 3; it is 0.04"),
        ("step", 2, "1.25", "R times the samples of a minority must be a whole number; it is 6.25"),
        ("step", 0, "4.5", "classes k must be a whole number from 2 to 100"),
        ("exponential", 0, "10.5", "classes k must be a whole number from 2 to 100"),
        ("exponential", 1, "500.5", "must be a whole number from 1 to 1,000,000"),
        ("zipf", 0, "7.5", "classes k must be a whole number from 2 to 100"),
    ],
)
def test_a_profile_that_there_is_not_is_told_and_not_rounded(
    open_page, profile, field, value, words
):
    page = open_page([50, 5])
    page.locator("select").first.select_option(profile)
    before = page.locator("[data-part=python]").input_value()
    box, said = page.locator(".parameters input").nth(field), page.locator(".problem")
    box.fill(value)
    assert words in said.inner_text()
    assert page.locator("[data-part=python]").input_value() == before
    box.fill(("6", "900", "2.2", "0.25")[field])
    assert said.inner_text() == ""
    assert page.locator("[data-part=python]").input_value() != before


def test_keys_or_a_pointer_change_counts_turn_the_frame_and_read_the_cosines(open_page):
    page = open_page([50, 20, 5])
    page.locator("[role=slider]").first.focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "End", "PageUp"):
        page.keyboard.press(key)
    sliders = page.locator("[role=slider]")
    assert [sliders.nth(c).get_attribute("aria-valuenow") for c in range(3)] == ["50", "24", "10"]
    assert "Counts([50, 24, 10])" in page.locator("[data-part=python]").input_value()
    assert page.locator("[role=slider]:focus").get_attribute("aria-valuetext") == "2: 10 samples"
    unnamed = "e => [...e].filter(x => !x.labels?.length && !x.ariaLabel).length"
    assert page.locator("select, input, textarea").evaluate_all(unnamed) == 0
    frame = page.locator(".turnable").first
    before = frame.inner_html()
    frame.press("ArrowLeft")
    assert frame.inner_html() != before
    page.locator(".drawing[aria-label^='Cosines of A']").press("ArrowDown")
    assert page.get_by_text("1 and 0: cosine of classifiers").count() == 1
    x, y, wide, tall = page.locator("rect.reach").nth(2).bounding_box().values()
    page.mouse.move(x + wide / 2, y + tall - 10)
    page.mouse.down()
    page.mouse.move(x + wide / 2, y + tall / 2)
    page.mouse.up()
    assert 10 < int(page.locator("[role=slider]").nth(2).get_attribute("aria-valuenow")) < 50


def test_a_bar_that_is_taken_at_its_top_keeps_its_count_and_ridges_end_where_new_counts_do(
    open_page,
):
    page = open_page([50, 123, 5], "#a=cross-entropy&a.ridge=0.5")
    ridge = page.get_by_label("ridge λ").first

    def last():
        ridge.press("End")
        return float(page.locator("output").first.inner_text())

    assert last() == pytest.approx(solve.largest_ridge(Problem([50, 123, 5], ridge=0.0)), rel=0.1)
    x, y, wide, _ = page.locator("rect.bar").nth(1).bounding_box().values()
    page.mouse.move(x + wide / 2, y)
    page.mouse.down()
    page.mouse.up()
    assert page.locator("[role=slider]").nth(1).get_attribute("aria-valuenow") == "123"
    page.locator("[role=slider]").first.focus()
    for _ in range(8):  # past the end of the scale, which grows
        page.keyboard.press("PageUp")
    assert "Counts([10000, 123, 5])" in page.locator("[data-part=python]").input_value()
    assert last() == pytest.approx(
        solve.largest_ridge(Problem([10**4, 123, 5], ridge=0.0)), rel=0.1
    )


def test_a_cosine_that_rounds_to_zero_has_no_sign(still):
    written = still.evaluate("[-0.004, 0.004, -0.006, 1, -1].map(lopsided.written)")
    assert written == [".00", ".00", "−.01", "1.00", "−1.00"]


def test_a_phone_has_all_of_the_page_within_its_width(open_page):
    page = open_page(Counts.exponential(30, 500, 100), "#a=cross-entropy&b=ldt&b.gamma=0.5", 390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    wide = "e => [...e].map(x => x.getBoundingClientRect()).every(x => x.right <= 390)"
    assert page.locator("figure, fieldset, .field *, textarea, .bars").evaluate_all(wide)


def test_what_turns_writing_or_is_not_seen_is_shown_as_its_escape(open_page):
    names = [
        "\u200fcat",
        "dog\u202e",
        "a\u200db\xa0",
        "\ud800\x1b",
        "\U000e0041<b>",
        "žluť 🦎 گربه",
    ]
    counts = Counts([50, 20, 9, 5, 3, 2], names)
    page = open_page(counts, measured={"\u2066seli": predict.seli(counts)})
    page.locator("summary", has_text="All numbers").click()
    page.wait_for_timeout(50)
    shown = page.evaluate(
        "[document.body.innerText, ...[...document.querySelectorAll('*')].flatMap((e) =>"
        " ['aria-label', 'title'].map((name) => e.getAttribute(name) || ''))].join('\\n')"
    )
    assert printable(shown, "\n\t") == shown
    for name in (*names, "\u2066seli"):
        assert printable(name) in shown
    told = page.locator("[data-part=python]").evaluate("e => e.value ?? e.textContent")
    line = next(line for line in told.splitlines() if line.startswith("counts = "))
    assert line.isprintable()
    assert eval(line.removeprefix("counts = "), {"Counts": Counts}) == counts  # noqa: S307


def test_pasted_text_never_becomes_markup(open_page):
    page = open_page({"</script><b>x</b>": 50, "$data": 5, "\ud800\x1b": 2})
    page.locator("summary", has_text="Paste").click()
    page.locator("textarea").first.fill(
        "<img src=x onerror=alert(1)>: 50\n<b>bold</b>, 20\nplain 5"
    )
    page.get_by_role("button", name="Use these counts").click()
    page.locator("summary", has_text="All numbers").click()
    page.wait_for_timeout(50)
    assert "<img src=x onerror=alert(1)>" in page.locator("table").last.inner_text()
    assert page.locator("img, b").count() == 0
    page.goto(page.url.split("#")[0] + "#counts=3,x<i>y</i>")
    assert "x<i>y</i>" in page.locator(".problem").inner_text()
    assert page.locator("i").count() == 0
    sources = [explorer._text(f"{name}.js") for name in explorer.SCRIPTS]
    assert max(source.count("\n") for source in sources) <= 250
    for door in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert door not in "".join(sources)


#: Counts with their thousands apart, which `Counts.of` refuses too.
GROUPED = (
    "1,500\n20",
    "1 500\n20",
    "1,500 20",
    "1,500, 20",
    "cat: 1,500\ndog: 20",
    "cat: 1 500\ndog: 20",
    "cat,1,500\ndog,20",
    "cat 1 500\ndog 20",
    "cat: 50, 60\ndog: 20",
    "1\u00a0500\n20",
    "1\u202f500, 20",
)


@pytest.mark.parametrize(
    ("text", "counts", "names"),
    [
        ("500,100", [500, 100], None),
        ("class 1: 500\nclass 2: 20", [500, 20], ["class 1", "class 2"]),
        ("50, 20\n5", [50, 20, 5], None),
        ("[50; 20.0]", [50, 20], None),
        ("cat: 50, dog: 20", [50, 20], ["cat", "dog"]),
        ("class1,50\nclass 2\t20\n", [50, 20], ["class1", "class 2"]),
        ('{\n "a, b": 50,\n "c": 20\n}', [50, 20], ["a, b", "c"]),
        (json.dumps({"café": 50, 'a "b"': 20, "\\": 5}), [50, 20, 5], ["café", 'a "b"', "\\"]),
        ('"C:\\new": 50\n"b": 20', [50, 20], ["C:\\new", "b"]),
        ("(other): 50\n[x]: 20", [50, 20], ["(other)", "[x]"]),
        ("3.5: 50\n1e3: 20", [50, 20], ["3.5", "1e3"]),
        ("v1.5 50\n2 20", [50, 20], ["v1.5", "2"]),
        ("cat: 5\ndog: 3\nTotal: 9", [5, 3, 9], ["cat", "dog", "Total"]),
        ("cat: 5\ndog: 3\nall others: 8", [5, 3, 8], ["cat", "dog", "all others"]),
    ],
)
def test_counts_are_pasted_as_people_have_them(still, text, counts, names):
    found = still.evaluate("text => lopsided.parseCounts(text)", text)
    assert found == {"counts": counts, "names": names}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7", "at least 2 classes"),
        ("5, 0", "Class 1 must have"),
        ("5, -3", "found “-3”"),
        ("50,,5", "the number before a comma is missing"),
        ("a: 5, a: 3", "“a” comes twice"),
        (": 5, a: 3", "“: 5” has no name"),
        ('{"": 5, "a": 3}', "has no name"),
        ("cat\t5\ndog\t3\nGrand Total\t8", "“Grand Total” is no class but the sum of the others"),
        ("1 " * 101, "up to 100 classes, these are 101"),
        ("", "at least 2 classes"),
        ("2 3 5\n1e3 50", "“2 3 5” may be numbers, or a name and its number"),
        ("3.5,50\n2.5,20", "“3.5,50” may be numbers, or a name and its number"),
        ("1 50\n2 5", "“1 50” may be numbers, or a name and its number"),
        ("0,50\r\n1,5\r\n", "“0,50” may be numbers, or a name and its number"),
        ("1. 50\n2. 5", "“1. 50” may be numbers, or a name and its number"),
        ("50\t1\n5\t2\n5\t3", "may be numbers, or a name and its number"),
        (" 1  2  3 \n50 20  5 ", "“1  2  3” may be labels above their counts"),
        ("1\t2\t3\n50\t20\t5", "may be labels above their counts"),
        ("9007199254740993 20", "Class 0 must have"),
        ("a: 20, b: 9007199254740993", "Class 1 must have"),
        *((text, "one number or several") for text in GROUPED),
    ],
)
def test_what_are_no_counts_is_answered_in_a_sentence(still, text, words):
    assert words in still.evaluate("text => lopsided.parseCounts(text)", text)["problem"]


def test_a_point_far_from_the_optimum_is_not_drawn_as_one(still):
    setting = {"loss": "cdt", "gamma": 0.5, "tau": 1, "bias": "none", "ridge": 1e-4}
    found = still.evaluate("s => lopsided.geometryOf([1e6, 1, 1], s)", setting)
    assert found["geometry"] is None
    assert "Not solved" in found["note"]


def test_a_measured_network_stands_beside_its_prediction(open_page):
    counts = Counts([50, 20, 5])
    page = open_page(counts, measured={"my <net>": predict.seli(counts)})
    assert page.locator("option", has_text="my <net>").count() == 2
    said = page.locator(".distance").inner_text().replace("−", "-")
    assert max(float(value) for value in re.findall(r"[a-z] ([\d.e-]+)", said)) < 1e-8


@pytest.mark.parametrize("zero", ["classifiers", "class means"])
def test_what_is_zero_of_a_network_has_no_share_in_its_frame(open_page, zero):
    vectors = np.random.default_rng(0).normal(size=(5, 6))
    parts = {"classifiers": vectors, "class means": vectors} | {zero: 0 * vectors}
    network = Geometry.of_vectors(*parts.values(), Source("network"))
    said = open_page(Counts([50, 20, 9, 7, 5]), measured={"net": network}).inner_text("body")
    assert f"All {zero} {'are zero' if zero == 'classifiers' else 'coincide'}." in said
    assert "NaN" not in said


def test_a_law_is_moved_about_its_mean_before_a_network_is_compared_with_it(still):
    counts = Counts([50, 20, 5])
    law = predict.free_bias(counts)
    W, M = law.vectors(d=4)
    moments = measure.Moments(3, 4)
    moments.update(M, [0, 1, 2])
    network = measure.geometry(moments, W)
    sides = [explorer._matrices("", one, 3) for one in (network, law, predict.seli(counts))]
    for other, expected in zip(sides[1:], (law, predict.seli(counts)), strict=True):
        found = still.evaluate("([a, b]) => lopsided.distances(a, b)", [sides[0], other])
        assert [*found.values()] == pytest.approx([*network.distance(expected)], abs=1e-7)


def test_measured_geometries_of_other_classes_are_refused():
    with pytest.raises(ValueError, match="must be of the 2 classes"):
        explorer.page([50, 5], {"three": predict.seli([3, 2, 1])})
    with pytest.raises(ValueError, match="up to 100 classes, got 101"):
        explorer.page(Counts.zipf(101, 1000))


def test_the_command_writes_the_page_and_says_where(tmp_path, capsys):
    out = tmp_path / "page.html"
    assert main(["explore", "--counts", "7,3", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    assert '"counts":[7,3]' in out.read_text()
    assert "http" not in out.read_text().replace("http://www.w3.org/2000/svg", "").replace(
        "http-equiv", ""
    )
    assert main(["explore", "--out", str(tmp_path / "page.txt")]) == 2
    assert isinstance(predict.seli([7, 3]), Geometry)


def test_several_on_a_page_are_each_their_own(browser):
    page = browser.new_page()
    page.set_content(explorer.component([50, 5]) + explorer.component([9, 4, 1]))
    page.locator(".distance:not(:empty)").nth(1).wait_for()
    assert page.locator(".bar").count() == 5
    page.close()
