"""Writes Sources/Tokenizers/Text/DecompositionTable.swift from Unicode 16.

    pip install unicodedata2==16.0.0
    python decomposition_table.py > ../Sources/Tokenizers/Text/DecompositionTable.swift

One entry for each run of scalars, in hexadecimal: FIRST[+COUNT]MARK TO[,TO…], where a
run maps to consecutive scalars. MARK is "=" for a canonical mapping, "!" for one that
is never composed again, "<" for a compatibility mapping. Hangul is left out: it is
computed.
"""

import textwrap

import unicodedata2 as unicode

assert unicode.unidata_version == "16.0.0"


def entry(scalar):
    mapping = unicode.decomposition(chr(scalar))
    if not mapping or 0xAC00 <= scalar <= 0xD7A3:
        return None
    words = mapping.split()
    if words[0].startswith("<"):
        mark, words = "<", words[1:]
    else:
        composed = unicode.normalize("NFC", chr(scalar))
        mark = "=" if composed == chr(scalar) else "!"
    return mark, [int(word, 16) for word in words]


runs = []
for scalar in range(0x110000):
    found = entry(scalar)
    if found is None:
        continue
    mark, to = found
    if runs:
        first, count, last_mark, last = runs[-1]
        if (mark == last_mark and len(to) == len(last) == 1 and scalar == first + count
                and to[0] == last[0] + count):
            runs[-1][1] += 1
            continue
    runs.append([scalar, 1, mark, to])

words = []
for first, count, mark, to in runs:
    run = f"+{count:X}" if count > 1 else ""
    words.append(f"{first:X}{run}{mark}{','.join(f'{value:X}' for value in to)}")

print("// Written by Benchmarks/decomposition_table.py, which says what entries mean.")
print("extension Decomposition {")
print('  static let table = """')
print(" \\\n".join(f"    {line}" for line in textwrap.wrap(" ".join(words), 94)))
print('    """')
print("}")
