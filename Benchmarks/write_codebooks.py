"""Writes Sources/CKernels/codebooks.h: the codebooks of ggml's IQ formats, from the
tables of gguf-py (pip install gguf numpy).

    python3 Benchmarks/write_codebooks.py > Sources/CKernels/codebooks.h

Each is a list of vectors of a few values. Read as numbers whose last digit counts most,
its entries ascend, so that it is told by which numbers are in it: one bit for each.
"""

import numpy as np
from gguf import quants

BOOKS = [
    ("iq1_book", quants.IQ1_S, "IQ1_S and IQ1_M"),
    ("iq2_xxs_book", quants.IQ2_XXS, "IQ2_XXS"),
    ("iq2_xs_book", quants.IQ2_XS, "IQ2_XS"),
    ("iq2_s_book", quants.IQ2_S, "IQ2_S"),
    ("iq3_xxs_book", quants.IQ3_XXS, "IQ3_XXS"),
    ("iq3_s_book", quants.IQ3_S, "IQ3_S"),
]

print("""/// The codebooks of the IQ formats (ggml-common.h, the tables `iq*_grid`), written by
/// Benchmarks/write_codebooks.py. Bit n of a book says whether the vector whose digits n
/// has, the first counting least, is an entry; entries stand in ascending order.
#ifndef PARE_CODEBOOKS_H
#define PARE_CODEBOOKS_H
#include <stdint.h>
""")
for name, format, title in BOOKS:
    format.init_grid()
    grid = format.grid.reshape(format.grid.shape[-2:])
    values = np.unique(grid)
    digits = np.searchsorted(values, grid)
    base, length = len(values), grid.shape[1]
    numbers = (digits * base ** np.arange(length)).sum(axis=1)
    assert (np.diff(numbers) > 0).all()
    bits = np.zeros((base**length + 63) // 64 * 64, dtype=np.uint8)
    bits[numbers] = 1
    words = np.packbits(bits, bitorder="little").view("<u8")
    print(f"// {title}: {len(grid)} of {base}^{length} vectors.")
    print(f"static const uint64_t {name}[{len(words)}] = {{")
    for start in range(0, len(words), 4):
        print("  " + " ".join(f"0x{word:016x}," for word in words[start : start + 4]))
    print("};\n")
print("#endif")
