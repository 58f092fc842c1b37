"""Weights in blocks and the opening of files, as Python's packages have them.

    python peers_gguf.py LIBRARY [FILE.safetensors …] [FILE.gguf …]   prints one JSON object

Dequantizing and quantizing in GB/s of f32, as `pare bench` counts: by LIBRARY,
llama.cpp's libggml-base.so, on two threads (or as many as PARE_THREADS says), each
over its part of the rows, called without Python's lock; and by the `gguf` package,
which is NumPy on one thread, on a smaller matrix. Opening is seconds in this
process, imports before it, to a list of names, types and shapes. What is not there
is left out.
"""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy

ROWS, COLUMNS = 4096, 4096
SMALLER_ROWS = 256
# ggml's numbers (ggml.h). What is newer than they are is not asked for: ggml does not
# check them.
FORMATS = {"Q8_0": 8, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q1_0": 41, "Q2_K": 10,
           "Q3_K": 11, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14, "IQ4_NL": 20, "IQ4_XS": 23,
           "TQ1_0": 34, "TQ2_0": 35, "MXFP4": 39, "NVFP4": 40}


def best(body, least=2, limit=0.3):
    """The shortest of at least two runs that together take some tenths of a second."""
    times = []
    while len(times) < least or sum(times) < limit:
        began = time.perf_counter()
        body()
        times.append(time.perf_counter() - began)
    return min(times)


def rate(weights, seconds):
    return weights * 4 / seconds / 1e9


class Traits(ctypes.Structure):
    """The start of ggml's `ggml_type_traits` (ggml.h)."""

    _fields_ = [("name", ctypes.c_char_p), ("weights", ctypes.c_int64),
                ("interleaved", ctypes.c_int64), ("bytes", ctypes.c_size_t),
                ("is_quantized", ctypes.c_bool), ("to_float", ctypes.c_void_p)]


TO_FLOAT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class Libggml:
    def __init__(self, library, threads):
        self.library = library
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)
        library.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
        library.ggml_quantize_chunk.restype = ctypes.c_size_t
        library.ggml_quantize_chunk.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
            ctypes.c_int64, ctypes.c_void_p]

    def each_part(self, body):
        """`body(first row, rows)` on every thread."""
        rows = ROWS // self.threads
        parts = [(i * rows, ROWS - i * rows if i + 1 == self.threads else rows)
                 for i in range(self.threads)]
        list(self.pool.map(lambda part: body(*part), parts))

    def rates(self, name, values):
        """Dequantizing and quantizing, in GB/s."""
        number = FORMATS[name]
        traits = self.library.ggml_get_type_traits(number).contents
        row = COLUMNS // traits.weights * traits.bytes
        blocks = numpy.zeros(ROWS * row, numpy.uint8)
        out = numpy.zeros(values.shape, numpy.float32)
        to_float = TO_FLOAT(traits.to_float)

        def quantize(first, rows):
            self.library.ggml_quantize_chunk(
                number, values.ctypes.data, blocks.ctypes.data, first * COLUMNS, rows, COLUMNS,
                None)

        def dequantize(first, rows):
            to_float(blocks.ctypes.data + first * row, out.ctypes.data + first * COLUMNS * 4,
                     rows * COLUMNS)

        quantizing = best(lambda: self.each_part(quantize))
        dequantizing = best(lambda: self.each_part(dequantize))
        return rate(values.size, dequantizing), rate(values.size, quantizing)


def package_rates(name, values):
    """The same of the `gguf` package; None for what it has not."""
    import gguf

    number = gguf.GGMLQuantizationType.__members__.get(name)
    if number is None:
        return None, None
    weights, size = gguf.GGML_QUANT_SIZES[number]
    blocks = numpy.full((len(values), COLUMNS // weights * size), 0x2C, numpy.uint8)
    rates = []
    for body in (lambda: gguf.quants.dequantize(blocks, number),
                 lambda: gguf.quants.quantize(values, number)):
        try:
            rates.append(rate(values.size, best(body)))
        except NotImplementedError:
            rates.append(None)
    return rates


def list_safetensors(path):
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        slices = ((name, file.get_slice(name)) for name in file.keys())
        return [(name, slice.get_dtype(), slice.get_shape()) for name, slice in slices]


def list_gguf(path):
    import gguf

    return [(tensor.name, tensor.tensor_type, tensor.shape.tolist())
            for tensor in gguf.GGUFReader(path).tensors]


def has(module):
    return importlib.util.find_spec(module) is not None


def main(library, *paths):
    figures = {}
    generator = numpy.random.default_rng(1)
    values = generator.standard_normal((ROWS, COLUMNS), numpy.float32) * numpy.float32(0.02)
    if os.path.exists(library):
        libggml = Libggml(ctypes.CDLL(library), int(os.environ.get("PARE_THREADS", 2)))
        libggml.library.ggml_version.restype = ctypes.c_char_p
        figures["libggml"] = f"libggml {libggml.library.ggml_version().decode()}"
        for name in FORMATS:
            dequantizing, quantizing = libggml.rates(name, values)
            figures[f"dequantize_{name.lower()}_gb_per_s"] = dequantizing
            figures[f"quantize_{name.lower()}_gb_per_s"] = quantizing
    if has("gguf"):
        figures["gguf"] = f"gguf {importlib.metadata.version('gguf')}"
        for name in FORMATS:
            dequantizing, quantizing = package_rates(name, values[:SMALLER_ROWS])
            figures[f"dequantize_{name.lower()}_package_gb_per_s"] = dequantizing
            figures[f"quantize_{name.lower()}_package_gb_per_s"] = quantizing
    for path in paths:
        module, listing = (("gguf", list_gguf) if path.endswith(".gguf")
                           else ("safetensors", list_safetensors))
        if has(module):
            figures[f"open_{os.path.basename(path)}_seconds"] = best(lambda: listing(path))
    print(json.dumps(figures, indent=2, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
