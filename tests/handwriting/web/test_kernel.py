"""The compiled kernel: it is what its source gives, and computes what plain JavaScript computes."""

import shutil
import subprocess

import numpy as np
import pytest
from page_scripts import PageScripts

from handwriting.web.site import PAGE

KERNEL = PAGE / "engine/kernel.wasm"
BUILD = PAGE.parent / "kernel/build.sh"
BUILT_WITH = "14.0.6"
"""Version of clang."""


def _version(command):
    found = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    return found.stdout


def test_the_committed_kernel_is_built_from_its_source(tmp_path):
    if shutil.which("clang") is None or shutil.which("wasm-ld") is None:
        pytest.skip("clang and lld are not installed")
    built = tmp_path / "kernel.wasm"
    subprocess.run([BUILD, built], check=True, capture_output=True)
    if BUILT_WITH in _version("clang") and BUILT_WITH in _version("wasm-ld"):
        assert built.read_bytes() == KERNEL.read_bytes()
    for compiled, plain in zip(_results(built), _results(None), strict=True):
        _compare(compiled, plain)


def test_the_committed_kernel_computes_what_plain_javascript_does():
    for compiled, plain in zip(_results(KERNEL), _results(None), strict=True):
        _compare(compiled, plain)


def _compare(compiled, plain):
    assert compiled.keys() == plain.keys()
    for name, values in compiled.items():
        assert np.isfinite(values).all(), name
        scale = np.abs(plain[name]).max()
        # Only linear_frames rounds its vectors to 16 bits.
        tolerance = 2e-4 if name == "frames" else 3e-6
        assert np.allclose(values, plain[name], rtol=0, atol=tolerance * scale), name


CALLS = """
const kernel = makeKernel(module);
const {functions} = kernel;
const value = (at) => Math.sin(12.9898 * (at + seed) + 78.233) * 2;
const numbers = (count, scale = 1) =>
  Float32Array.from({length: count}, (_, at) => scale * value(at));
const zeros = (count) => kernel.reserveFloats(count);
const found = {};
const keep = (name, pointer, count) => { found[name] = [...kernel.floats(pointer, count)]; };

const tensor = {data: numbers(rows * columns), shape: [rows, columns], scales: null};
const matrix = new Matrix(kernel, tensor);
const x = kernel.store(numbers(columns, 3));
const base = kernel.store(numbers(rows));
let out = zeros(rows);
matrix.multiply(out, base, x, true);
keep("linear", out, rows);
const exact = kernel.store(numbers(rows * columns));
functions.linear_exact(out, base, exact, x, rows, columns);
keep("exact", out, rows);
const frames = kernel.store(numbers(5 * columns, 0.5));
out = zeros(5 * rows);
matrix.multiplyFrames(out, base, frames, columns, 5, true, kernel.reserve(matrix.room(5)));
keep("frames", out, 5 * rows);

const gates = kernel.store(numbers(4 * rows, 6));
const cell = kernel.store(numbers(rows));
const hidden = zeros(rows + 1);
functions.lstm(gates, cell, hidden, rows);
keep("cell", cell, rows);
keep("hidden", hidden, rows + 1);

const parameters = kernel.store(numbers(9, 4));
const limits = kernel.store([-10, 10, -10, 10, -15, 2]);
const kappa = kernel.store([1, 2, 3]);
const [phi, window] = [zeros(7), zeros(4)];
functions.look(parameters, limits, kappa, phi, window, kernel.storeIntegers([0, 1, 1, 3, 2, 0, 3]),
               3, 7, 4, -60);
keep("kappa", kappa, 3);
keep("phi", phi, 7);
keep("window", window, 4);

const keys = kernel.store(numbers(6 * rows));
const [query, energy] = [kernel.store(numbers(rows)), kernel.store(numbers(rows))];
const location = kernel.store(numbers(2 * 3 * rows));
const around = kernel.store([0, ...numbers(6), 0]);
out = zeros(6);
functions.energies(out, keys, query, energy, location, around, around, 6, rows, 3);
keep("energies", out, 6);
out = zeros(rows);
functions.weighted_sum(out, keys, query, 6, rows);
keep("weighted", out, rows);
return found;
"""


def _results(kernel):
    """What each function gives for matrices of several sizes, those of no round numbers too."""
    scripts = PageScripts("engine/kernel.js")
    if kernel is not None:
        scripts.add_file("kernel", kernel)
    module = "null" if kernel is None else "new WebAssembly.Module(buffers.kernel)"
    for seed, (rows, columns) in enumerate([(1, 1), (5, 3), (8, 16), (13, 37), (64, 200)]):
        script = f"const module = {module}; {CALLS}"
        yield scripts.run(script, seed=seed, rows=rows, columns=columns)


def test_zeros_and_large_numbers_stay_finite():
    scripts = PageScripts("engine/kernel.js")
    scripts.add_file("kernel", KERNEL)
    found = scripts.run(
        """const kernel = makeKernel(new WebAssembly.Module(buffers.kernel));
        const gates = kernel.store([1e30, -1e30, 1e4, -1e4, 0, 90, -90, 1e-30]);
        const [cell, hidden] = [kernel.store([5, -5]), kernel.reserveFloats(2)];
        kernel.functions.lstm(gates, cell, hidden, 2);
        const nothing = {data: new Float32Array(4), shape: [2, 2], scales: null};
        const matrix = new Matrix(kernel, nothing);
        const out = kernel.reserveFloats(2);
        matrix.multiply(out, kernel.store([1, 2]), kernel.reserveFloats(2), true);
        return [cell, hidden, out].flatMap((pointer) => [...kernel.floats(pointer, 2)]);"""
    )
    assert np.isfinite(found).all()
    assert found[-2:] == [1, 2]


def test_memory_grows_and_is_given_back():
    scripts = PageScripts("engine/kernel.js")
    scripts.add_file("kernel", KERNEL)
    found = scripts.run(
        """return [null, new WebAssembly.Module(buffers.kernel)].map((module) => {
          const kernel = makeKernel(module);
          const first = kernel.store([1, 2, 3]);
          const mark = kernel.top;
          kernel.floats(kernel.reserveFloats(1e6), 1e6).fill(7);
          kernel.release(mark);
          return [...kernel.floats(first, 3), ...kernel.floats(kernel.reserveFloats(2), 2)];
        });"""
    )
    assert found == [[1, 2, 3, 0, 0]] * 2


def test_the_kernel_is_small_and_asks_for_nothing():
    assert len(KERNEL.read_bytes()) < 16_000
    scripts = PageScripts()
    scripts.add_file("kernel", KERNEL)
    imports = scripts.run(
        "return WebAssembly.Module.imports(new WebAssembly.Module(buffers.kernel));"
    )
    assert imports == []
