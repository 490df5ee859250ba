"""Parts of pages that are made from the library's tables, its bibliography and the records."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

from lopsided import Adjustment, Counts, predict, shape
from lopsided.adjustment import EXPONENTS
from lopsided.cli.tables import listed
from lopsided.measure.metrics import METRICS
from lopsided.papers import PAPERS, Paper, cite
from lopsided.reproduce import CLAIMS, Record
from lopsided.reproduce.claims.stands import STANDS

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


def table_of(titles, widths, lines):
    """Return a table; a cell is a text or a node."""
    table = nodes.table("", group := nodes.tgroup(cols=len(titles)))
    group += [nodes.colspec(colwidth=width) for width in widths]
    head, body = nodes.thead(), nodes.tbody()
    group += [head, body]
    for part, rows in ((head, [titles]), (body, lines)):
        for line in rows:
            part += (row := nodes.row())
            row += [nodes.entry("", _cell(content)) for content in line]
    return table


def _cell(content):
    if isinstance(content, str):
        return nodes.paragraph(text=content)
    return nodes.paragraph("", "", content)


def link(text, address):
    """Return a link, to an address elsewhere or to a file beside this page."""
    return nodes.reference(text, text, refuri=address)


def code(text):
    """Return text in the letters of code."""
    return nodes.literal(text, text)


class Members(Directive):
    """The lines of a table of members, such as `lopsided.predict.FORMS`."""

    required_arguments = 1

    def run(self):
        """Return the table."""
        module, name = self.arguments[0].rsplit(".", 1)
        lines = listed(getattr(importlib.import_module(module), name))
        return [table_of(("name", "what it is", "source"), (20, 50, 30), lines)]


class Leads(Directive):
    """Where the named cross-entropies lead for one long tail."""

    def run(self):
        """Return the table."""
        counts = Counts.step(k=10, minority=10, ratio=100)
        simplex = predict.etf(10)
        lines = []
        for name, exponents in EXPONENTS.items():
            found = predict.cross_entropy(counts, Adjustment.named(name, counts))
            seen = shape.contrast(found.classifiers, counts.minorities)
            told = ", ".join(f"{key} {value:g}" for key, value in exponents.items())
            apart = found.distance(simplex)
            lines.append(
                (
                    code(name),
                    told or "none",
                    f"{seen.norm_ratio:.2f}",
                    f"{seen.minority:+.2f}".replace("-", "−"),
                    f"{apart.classifiers:.2f}",
                    f"{apart.embeddings:.2f}",
                )
            )
        titles = ("name", "exponents", "norm ratio", "minority cosine", "W to ETF", "M to ETF")
        return [table_of(titles, (20, 20, 15, 15, 15, 15), lines)]


class Metrics(Directive):
    """Every metric: what it is, its values at the anchors, its conventions, its paper."""

    def run(self):
        """Return a section a metric."""
        counts, d = Counts([500] * 10).values, 512
        found = []
        for name, metric in METRICS.items():
            function = metric.function
            documented = inspect.getdoc(function) or ""
            first, *rest = documented.split("\n\n")
            section = nodes.section(ids=[f"metric-{name.replace('_', '-')}"])
            section += nodes.title("", "", code(name))
            section += nodes.paragraph(text=metric.title[:1].upper() + metric.title[1:] + ".")
            section += nodes.paragraph(text=" ".join(first.split()))
            facts = [("reads", ", ".join(metric.needs))]
            for anchor, value in metric.anchors.items():
                number = value(counts, d) if callable(value) else value
                facts.append((f"at {ANCHORS[anchor]}", f"{float(number):.4g}".replace("-", "−")))
            facts += _conventions(function, metric.options)
            facts += [
                ("source", " ".join(part.removeprefix("Source:").split()))
                for part in rest
                if part.startswith("Source:")
            ]
            section += table_of(("", ""), (20, 80), facts)
            found.append(section)
        return found


#: Anchor of a metric -> in words.
ANCHORS = {"collapse": "full collapse", "ETF": "a simplex ETF", "random": "a random network"}


def _conventions(function, chosen):
    """Return the choices of a metric: its keyword arguments, and what is taken."""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            taken = chosen.get(name, parameter.default)
            yield f"convention {name}", f"{taken!r} unless said otherwise"


class Systems(Directive):
    """Every paper of the bibliography: what it says, where it lives, what our runs say."""

    def run(self):
        """Return the table."""
        runs = {}
        for path in sorted(RESULTS.glob("*.json")):
            record = json.loads(path.read_text())
            runs.setdefault(record["claim"], []).append(bool(record["verdict"]["holds"]))
        sources = {path: path.read_text() for path in (ROOT / "src").rglob("*.py")}
        lines = [systems_line(key, paper, sources, runs) for key, paper in PAPERS.items()]
        titles = ("paper", "what it says", "lives in", "our runs")
        return [table_of(titles, (20, 40, 25, 15), lines)]


def systems_line(key: str, paper: Paper, sources: dict[Path, str], runs: dict[str, list[bool]]):
    """Return the cells of a paper: modules that cite it, and its claims with their records."""
    cited = re.compile(rf'"{key}"|arXiv {paper.arxiv or "none"}')
    modules = [
        path.relative_to(ROOT / "src/lopsided").with_suffix("").as_posix().replace("/", ".")
        for path, text in sources.items()
        if path.name != "papers.py" and cited.search(text)
    ]
    mine = [claim for claim in CLAIMS.values() if claim.paper == key]
    says = " ".join(claim.statement for claim in mine) or paper.title
    told = [
        f"{claim.name}: {sum(held)} of {len(held)} hold"
        for claim in mine
        if (held := runs.get(claim.name))
    ]
    return _named(key, paper), says, ", ".join(sorted(modules)), "; ".join(told) or "none"


def _named(key: str, paper: Paper):
    return link(cite(key), f"https://arxiv.org/abs/{paper.arxiv}") if paper.arxiv else cite(key)


class Bibliography(Directive):
    """Every paper that a member of a table cites."""

    def run(self):
        """Return the list."""
        papers = nodes.bullet_list()
        for key, paper in sorted(PAPERS.items(), key=lambda pair: (pair[1].authors, pair[1].year)):
            line = nodes.paragraph("", f"{paper.authors} ({paper.year}). ")
            line += nodes.emphasis(text=paper.title)
            line += nodes.Text(". ")
            if paper.arxiv:
                line += link(f"arXiv:{paper.arxiv}", f"https://arxiv.org/abs/{paper.arxiv}")
                line += nodes.Text(". ")
            line += nodes.Text("Key: ")
            line += code(key)
            papers += nodes.list_item("", line, ids=[f"paper-{key}"])
        return [papers]


class Records(Directive):
    """Every committed record: its claim, its verdict, and the file."""

    def run(self):
        """Return a section a claim."""
        records = {}
        for path in sorted(RESULTS.glob("*.json")):
            record = json.loads(path.read_text())
            records.setdefault(record["claim"], []).append((path, record["verdict"]))
        found = []
        for name, claim in CLAIMS.items():
            if name not in records:
                continue
            section = nodes.section(ids=[f"claim-{name}"])
            section += nodes.title(text=claim.title)
            section += nodes.paragraph(text=claim.statement)
            section += nodes.paragraph("", "Source: ", nodes.Text(claim.source), nodes.Text("."))
            lines = [
                (
                    link(path.stem, f"../evidence/{path.name}"),
                    "holds" if verdict["holds"] else "does not hold",
                    verdict["sentence"],
                )
                for path, verdict in records[name]
            ]
            section += table_of(("record", "verdict", "what came out"), (20, 10, 70), lines)
            found.append(section)
        return found


class Stands(Directive):
    """Claims of the papers, what our records answer, and a link to these."""

    def run(self):
        """Return a table a paper."""
        runs = {stand.claim: [] for stand in STANDS}
        for path in sorted(RESULTS.glob("*.json")):
            if path.name.startswith(tuple(runs)):
                record = Record.load(path)
                if record.claim in runs:
                    runs[record.claim].append(CLAIMS[record.claim].read(record))
        found = []
        for paper in dict.fromkeys(stand.paper for stand in STANDS):
            section = nodes.section(ids=[f"stands-{paper or 'here'}"])
            section += nodes.title(text=PAPERS[paper].title if paper else "New here")
            if paper:
                section += nodes.paragraph("", "", _named(paper, PAPERS[paper]))
            lines = [
                (
                    stand.says,
                    *stand.of(runs[stand.claim]),
                    link(stand.claim, f"evidence.html#claim-{stand.claim}"),
                )
                for stand in STANDS
                if stand.paper == paper
            ]
            section += table_of(("claim", "verdict", "evidence", "ours"), (25, 12, 53, 10), lines)
            found.append(section)
        return found


def write_evidence(app, error):
    """Put the records where the page of evidence links to them."""
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir, "evidence")
        folder.mkdir(exist_ok=True)
        for path in RESULTS.glob("*.json"):
            shutil.copy(path, folder)


def setup(app):
    """Know the directives, and write the evidence."""
    for directive in (Members, Leads, Metrics, Systems, Bibliography, Records, Stands):
        app.add_directive(directive.__name__.lower(), directive)
    app.connect("build-finished", write_evidence)
