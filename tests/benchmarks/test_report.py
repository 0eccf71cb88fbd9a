"""What a benchmark measured goes into a file and comes out as a table."""

import torch

from benchmarks import report
from benchmarks.products import all_of, layer_products, output_products
from benchmarks.report import Report, about_run


def test_the_command_is_told_without_the_place_of_the_file(monkeypatch) -> None:
    arguments = ["/x/benchmarks/sampling.py", "--json", "/tmp/a b.json", "--name", "a b"]
    monkeypatch.setattr("sys.argv", arguments)
    assert about_run()["command"] == "python -m benchmarks.sampling --name 'a b'"


def test_the_page_has_the_tables_of_all_files_in_order(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    for name in ("second", "first"):
        found = Report(f"About {name}", ["", "s"], [["ours", "1.25"]], {"s": 1.25}, about_run())
        path = tmp_path / "results" / f"{name}.json"
        found.save(path)
        assert Report.load(path).values == {"s": 1.25}
    report.main()
    page = (tmp_path / "README.md").read_text()
    assert page.index("## About first") < page.index("## About second")
    assert "|  | s |\n| --- | ---: |\n| ours | 1.25 |\n" in page
    assert "2 tables" in capsys.readouterr().out


def test_the_limit_makes_as_many_products_as_a_layer_needs(monkeypatch) -> None:
    """4H (I + H) multiplications a step and line, three times: forward, and back to inputs and to
    weights."""
    seen, real = [], torch.mm

    def counted(left, right, **options):
        seen.append(left.shape[0] * left.shape[1] * right.shape[1])
        return real(left, right, **options)

    monkeypatch.setattr(torch, "mm", counted)
    all_of([layer_products(7, 3, 5, 4, torch.float32), output_products(7, 3, 4, 6)])()
    assert sum(seen) == 3 * 7 * 3 * (4 * 4 * (5 + 4) + 4 * 6)
