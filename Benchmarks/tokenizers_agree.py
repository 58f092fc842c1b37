"""Makes small tokenizers of every family, and cases of what peers make of texts.

    pip install tokenizers sentencepiece
    python tokenizers_agree.py FOLDER [--strings 20000] [--seed 1] [TEXT.txt …]
    PARE_TOKENIZER_CASES=FOLDER swift test --filter TokenizersTests.PeerTests

Each folder of FOLDER gets a tokenizer.json or tokenizer.model, trained on text made
here, and cases.jsonl: a text, its ids, and what those decode to. Texts are the files
given, whole and in parts, and random strings of the seed. A --gguf FILE, such as
llama.cpp's models/ggml-vocab-*.gguf, gets a gguf.json of its metadata, and cases from
FILE.inp and FILE.out (needs pip install gguf).

    python tokenizers_agree.py ../Tests/TokenizersTests/References --reference
    swift format --in-place --recursive ../Tests/TokenizersTests/References

writes the references of the tests instead: Swift files with a vocabulary of a few
hundred entries and two dozen cases each.
"""

import argparse
import base64
import json
import os
import random
import tempfile
import unicodedata

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
          r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TAIL = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
LEAD = r"[^\r\n\p{L}\p{N}]?"
O200K = (rf"{LEAD}{UPPER}*{LOWER}+{TAIL}|{LEAD}{UPPER}+{LOWER}*{TAIL}|\p{{N}}{{1,3}}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = (rf"{LEAD}{UPPER}*{LOWER}+|{LEAD}{UPPER}+{LOWER}*|\p{{N}}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
          r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s")
DEEPSEEK = ("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
            "|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*"
            "|\\s*[\r\n]+|\\s+(?!\\S)|\\s+")
BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"
COHERE = r"\d{1,3}(?=(?:\d{3})*\b)"
JAIS2 = (LLAMA3.replace(r"|\s+(?!\S)|\s+", "")
         + "".join(rf"|\s{{{2 ** n}}}(?!\S)" for n in range(9, 1, -1)) + r"|\s{1,2}(?!\S)|\s{1}")
EXAONE = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+"
          r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+")

ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "      ",
    " \t\n\r\u00a0\u2003\u3000\u0085\u2028\u200b", "\n\n\r\n", ".,!?;:'\"()[]{}<>/\\|@#$%^&*-_+=~`",
    "àéîõüçñßøåæœÀÉÎÕÜ", "абвгдежзийклмнопрстАБВГД", "αβγδεζηθικλμνξοπρσςτΑΒΓΣ",
    "日本語中文字漢電気東京人工智能語言模型", "ひらがなカタカナーｶﾀｶﾅﾞ", "한국어말을하다가나다라",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "العربيةمرحبا٠١٢٣", "हिन्दीनमस्तेक्षत्रज्ञ", "ไทยสวัสดีครับ",
    "\u0301\u0300\u0323\u0308\u0327\u20dd", "😀😂🎉👍🏽👩‍👩‍👧🇩🇪❤️🤖", "①②③ⅣⅫ½¼²³ⒶⓏ№℃ﬁﬂǅſK",
    "𝒜𝓑𝟘𝟙𐐀𐐨𠀀𠮷", "‘’“”–—…«»¿¡‰€£¥₩", "\u200d\u200c\ufeff\u00ad\ufffd\x00\x07\x7f",
]
WORDS = ["'s", "'T", "'ll", "'Re", "don't", "I'Ve", "'ſ", "<s>", "</s>", "<|end|>", "<|im_start|>",
         "[UNK]", "▁", "▁▁", "<0x0A>", "token", "the", " the", "  ", "\n\n", "1234567", " 3.14",
         "Hello", "world", "camelCaseWORDS", "snake_case", "http://x.org/a?b=c", "Ġ", "Ċ", "é",
         "e\u0301", "ǰ", "Å", "가", "\r\n", "\t\t", "    ", "for i in range(10):\n        x"]


def random_text(rng):
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.25:
            parts.append(rng.choice(WORDS))
        elif kind < 0.9:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 8))))
        elif kind < 0.96:
            parts.append(rng.choice([" ", "\n", "a", "'"]) * rng.randint(1, 40))
        else:
            # Assigned in Unicode 14 and so in every peer.
            scalar = rng.choice([rng.randrange(0x80, 0x3000), rng.randrange(0x3000, 0x20000)])
            if unicodedata.category(chr(scalar)) not in ("Cs", "Cn"):
                parts.append(chr(scalar))
    return "".join(parts)


def corpus(rng):
    """Text to train on, made here: words, numbers, code and many scripts."""
    words = [w for w in (
        "the of and to in is that it was for on are with as his they be at one have this from or"
        " had by hot word but what some we can out other were all there when up use your how said"
        " an each she which do their time if will way about many then them write would like so"
        " these her long make thing see him two has look more day could go come did number sound"
        " no most people my over know water than call first who may down side been now find"
    ).split()]
    lines = []
    for _ in range(1500):
        line = " ".join(rng.choice(words) for _ in range(rng.randint(3, 14)))
        kind = rng.random()
        if kind < 0.3:
            line = line.capitalize() + rng.choice([".", "!", "?", "...", ", don't", " it's 'we'll'"])
        elif kind < 0.4:
            line = "    if x_%d == %d:\n        return foo(bar[%d])" % (
                rng.randrange(9), rng.randrange(10000), rng.randrange(99))
        elif kind < 0.7:
            line += " " + "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(12))
        lines.append(line)
    return lines


def byte_level(split=None, normalizer=None, ignore_merges=False, add_prefix_space=False, steps=None):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    if steps is None:
        steps = [pre_tokenizers.Split(Regex(s), "isolated") for s in split or []]
        steps.append(pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=not split))
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = lambda size: trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    return tokenizer, trainer


def plain(model, trainer, normalizer=None, pre=None, decoder=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    if decoder:
        tokenizer.decoder = decoder
    return tokenizer, trainer


def bpe_trainer(special=("<unk>", "<s>", "</s>"), bytes_too=True):
    names = list(special) + ([f"<0x{b:02X}>" for b in range(256)] if bytes_too else [])
    return lambda size: trainers.BpeTrainer(
        vocab_size=size + (256 if bytes_too else 0), special_tokens=names, show_progress=False,
        limit_alphabet=80)


SPM_DECODER = lambda strip: decoders.Sequence(
    [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    + ([decoders.Strip(" ", 1, 0)] if strip else []))


def families(charsmap):
    split, level = pre_tokenizers.Split, pre_tokenizers.ByteLevel
    unigram = lambda size: trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>",
        show_progress=False)
    word_piece = lambda size: trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    metaspace = pre_tokenizers.Metaspace
    return {
        "gpt2": byte_level(),
        "roberta": byte_level(add_prefix_space=True),
        "llama3": byte_level([LLAMA3], ignore_merges=True),
        "qwen2": byte_level([QWEN2], normalizers.NFC()),
        "qwen35": byte_level([QWEN35], normalizers.NFC()),
        "o200k": byte_level([O200K]),
        "tekken": byte_level([TEKKEN], ignore_merges=True),
        "cl100k": byte_level([CL100K]),
        "deepseek3": byte_level([r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK]),
        "cohere": byte_level([COHERE, O200K]),
        "jais2": byte_level([JAIS2]),
        "exaone": byte_level([EXAONE]),
        "bloom": byte_level([BLOOM]),
        "smollm": byte_level(steps=[pre_tokenizers.Digits(individual_digits=True), level(False)]),
        "digits": byte_level(steps=[pre_tokenizers.Digits(individual_digits=False), level(False)]),
        "falcon": byte_level(steps=[
            pre_tokenizers.Punctuation("contiguous"), level(False),
            pre_tokenizers.Digits(individual_digits=False), split(Regex("[0-9][0-9][0-9]"), "isolated")]),
        "nfkc": byte_level([LLAMA3], normalizers.NFKC()),
        "nfd": byte_level([LLAMA3], normalizers.NFD()),
        "nfkd": byte_level([LLAMA3], normalizers.Sequence(
            [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])),
        "next": byte_level(steps=[split(Regex(r"\s"), "merged_with_next"), level(False, use_regex=False)]),
        "previous": byte_level(steps=[split(Regex(r"[aeiou ]"), "merged_with_previous"),
                                      level(False, use_regex=False)]),
        "contiguous": byte_level(steps=[split(Regex(r"[\d\W]"), "contiguous"), level(False, use_regex=False)]),
        "removed": byte_level(steps=[split(Regex(r"\p{P}|\s"), "removed"), level(False, use_regex=False)]),
        "inverted": byte_level(steps=[split(Regex(r"\w+|[^\w\s]+"), "removed", invert=True),
                                      level(False, use_regex=False)]),
        "literal": byte_level(steps=[split("e", "isolated"), split(" ", "merged_with_previous"),
                                     level(False, use_regex=False)]),
        "llama2": plain(
            models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), bpe_trainer(),
            normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]),
            None, SPM_DECODER(True)),
        "mistral": plain(
            models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), bpe_trainer(), None,
            metaspace("▁", prepend_scheme="first", split=False), SPM_DECODER(True)),
        "gemma": plain(
            models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), bpe_trainer(),
            normalizers.Replace(" ", "▁"), split(" ", "merged_with_previous"), SPM_DECODER(False)),
        "unknown": plain(
            models.BPE(unk_token="<unk>", fuse_unk=True), bpe_trainer(bytes_too=False), None,
            pre_tokenizers.Whitespace(), decoders.Fuse()),
        "separate": plain(
            models.BPE(unk_token="<unk>", fuse_unk=False), bpe_trainer(bytes_too=False), None,
            pre_tokenizers.WhitespaceSplit(), decoders.Fuse()),
        "t5": plain(
            models.Unigram(), unigram, normalizers.Precompiled(charsmap),
            pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace()]), decoders.Metaspace()),
        "xlm": plain(
            models.Unigram(), unigram, normalizers.Sequence(
                [normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")]),
            metaspace(), decoders.Metaspace()),
        "whole": plain(models.Unigram(), unigram, normalizers.Replace(" ", "▁"), None,
                       decoders.Replace("▁", " ")),
        "bert": plain(
            models.WordPiece(unk_token="[UNK]"), word_piece, normalizers.BertNormalizer(),
            pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(cleanup=False)),
        "bert-cased": plain(
            models.WordPiece(unk_token="[UNK]"), word_piece,
            normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False),
            pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(cleanup=False)),
    }


def stripped(model):
    """Without the path of the rules, which is another one each time."""
    def message(parts):
        out = b""
        for number, kind, value in parts:
            out += bytes_of(number << 3 | kind)
            out += value if kind == 5 else bytes_of(value) if kind == 0 else (
                bytes_of(len(value)) + value)
        return out

    def bytes_of(value):
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])

    def kind(value):
        return 0 if isinstance(value, int) else 2

    parts = []
    for number, value in fields(model):
        if number == 2:
            keep = [(n, v) for n, v in fields(value) if n in (3, 24, 35, 40, 41, 42, 43)]
            value = message((n, kind(v), v) for n, v in keep)
        elif number == 3:
            keep = [(n, v) for n, v in fields(value) if n in (2, 3, 4, 5)]
            value = message((n, kind(v), v) for n, v in keep)
        elif number != 1:
            continue
        parts.append((number, 2, value))
    return message(parts)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 4 if key & 7 == 5 else 8
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def charsmap_of(model):
    normalizer = dict(fields(model))[3]
    return dict(fields(normalizer))[2]


SENTENCEPIECE = {
    "spm-unigram": dict(model_type="unigram"),
    "spm-unigram-bytes": dict(model_type="unigram", byte_fallback=True, user_defined_symbols="<|im_start|>,ab c"),
    "spm-bpe": dict(model_type="bpe"),
    "spm-llama": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                      remove_extra_whitespaces=False, allow_whitespace_only_pieces=True,
                      split_digits=True, user_defined_symbols="<|im_start|>,▁▁▁▁"),
    "spm-gemma": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity",
                      remove_extra_whitespaces=False, add_dummy_prefix=False),
    "spm-nfkc-fold": dict(model_type="unigram", normalization_rule_name="nmt_nfkc_cf"),
    "spm-suffix": dict(model_type="unigram", treat_whitespace_as_suffix=True),
    "spm-char": dict(model_type="char"),
}

# Normalization rules of a few hundred bytes: the usual ones have 200 KB.
RULES = ["1F6\t", "A0\t20", "3000\t20", "FB01\t66 69", "FF21\t41", "65 301\tE9", "2460\t31", "9\t20",
         "A\t20", "200B\t"]
REFERENCES = {
    "gpt2", "roberta", "llama3", "qwen2", "o200k", "cl100k", "deepseek3", "cohere", "falcon",
    "smollm", "nfkd", "contiguous", "next", "llama2", "mistral", "gemma", "unknown", "t5", "bert",
    "spm-rules", "spm-llama", "spm-gemma", "spm-unigram-identity"}
REFERENCE_SENTENCEPIECE = {
    "spm-rules": dict(model_type="unigram", normalization_rule_tsv="RULES"),
    "spm-llama": SENTENCEPIECE["spm-llama"],
    "spm-gemma": SENTENCEPIECE["spm-gemma"],
    "spm-unigram-identity": dict(model_type="unigram", normalization_rule_name="identity",
                                 byte_fallback=True, user_defined_symbols="<|im_start|>,ab c"),
}


def train_sentencepiece(options, lines, size, coverage):
    import io
    model = io.BytesIO()
    size += 256 if options.get("byte_fallback") else 0
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=size, minloglevel=2,
        hard_vocab_limit=False, character_coverage=coverage, num_threads=1, **options)
    return model.getvalue()


def write_cases(path, texts, encode, decode, special):
    with open(path, "w", encoding="utf-8") as file:
        for text in texts:
            ids = encode(text)
            case = {"text": text, "ids": ids, "special": special}
            if decode:
                case["decoded"] = decode(ids)
            file.write(json.dumps(case) + "\n")


def wrapped(text, width=90):
    """Lines of a raw Swift string that are joined."""
    assert "\\###" not in text
    return "\\###\n".join(text[at:at + width] for at in range(0, len(text), width))


def write_reference(folder, name, kind, content, cases):
    words = name.split("-")
    member = words[0] + "".join(w.capitalize() for w in words[1:])
    with open(os.path.join(folder, f"Reference+{member}.swift"), "w") as file:
        file.write(
            "// Written by Benchmarks/tokenizers_agree.py --reference.\n"
            "extension Reference {\n"
            f'  static let {member} = Reference(\n    name: "{name}", kind: .{kind},\n'
            f'    tokenizer: ###"""\n{wrapped(content)}\n"""###,\n'
            f'    cases: ###"""\n{wrapped(json.dumps(cases))}\n"""###)\n}}\n')


def without_byte_tokens(tokenizer):
    """Tokens of bytes are found in no text, though training takes them for special."""
    tree = json.loads(tokenizer.to_str())
    tree["added_tokens"] = [t for t in tree["added_tokens"] if not t["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(tree))


def compact(tokenizer_json):
    """Without spaces, in ASCII."""
    return json.dumps(json.loads(tokenizer_json), separators=(",", ":"))


def write_gguf(folder, path):
    import gguf
    reader = gguf.GGUFReader(path)
    metadata = {name.split("tokenizer.ggml.")[-1]: field.contents()
                for name, field in reader.fields.items() if name.startswith("tokenizer.")}
    folder = os.path.join(folder, os.path.basename(path))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "gguf.json"), "w") as file:
        json.dump(metadata, file)
    with open(os.path.join(folder, "cases.jsonl"), "w") as file:
        if not os.path.exists(path + ".inp"):
            return print(path, "has no cases")
        texts = open(path + ".inp", encoding="utf-8", newline="").read()
        ids = open(path + ".out").read().split("\n")
        for text, line in zip(texts.split("\n__ggml_vocab_test__\n"), ids):
            file.write(json.dumps({"text": text, "ids": [int(i) for i in line.split()],
                                   "special": False}) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--strings", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=1500)
    parser.add_argument("--only")
    parser.add_argument("--gguf", nargs="*", default=[])
    parser.add_argument("--reference", action="store_true")
    options = parser.parse_args()
    if options.gguf:
        for path in options.gguf:
            write_gguf(options.folder, path)
        return
    if options.reference:
        options.size, options.strings, options.files = 330, 18, []
    print("seed", options.seed)
    rng = random.Random(options.seed)
    lines = corpus(rng)
    texts = ["", " ", "\n", "  ", "a", " a", "a "]
    for name in options.files:
        text = open(name, encoding="utf-8", newline="").read()
        texts += [text] + text.split("\n\n")
    texts += [random_text(rng) for _ in range(options.strings)]
    texts = [t for t in texts if not any(0xD800 <= ord(c) < 0xE000 for c in t)]
    coverage = 0.98
    settings_of = REFERENCE_SENTENCEPIECE if options.reference else SENTENCEPIECE
    usual = dict(model_type="unigram")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write("\n".join(RULES) + "\n")
        rules.flush()
        settings_of = {
            name: {k: rules.name if v == "RULES" else v for k, v in settings.items()}
            for name, settings in settings_of.items()}
        models_of = {
            name: train_sentencepiece(settings, lines, options.size, coverage)
            for name, settings in settings_of.items() if options.only in (None, name)}
        if options.reference:
            usual["normalization_rule_tsv"] = rules.name
        charsmap = charsmap_of(train_sentencepiece(usual, lines, options.size, coverage))
    for name, (tokenizer, trainer) in families(charsmap).items():
        if options.only and name != options.only:
            continue
        if options.reference and name not in REFERENCES:
            continue
        tokenizer.train_from_iterator(lines, trainer(options.size))
        tokenizer = without_byte_tokens(tokenizer)
        tokenizer.add_tokens([AddedToken("camelCase", normalized=True),
                              AddedToken("snake", single_word=True, normalized=False)])
        tokenizer.add_special_tokens([AddedToken("<|im_start|>", lstrip=True, rstrip=True)])
        encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        decode = lambda ids: tokenizer.decode(ids, skip_special_tokens=False)
        if options.reference:
            write_reference(
                options.folder, name, "json", compact(tokenizer.to_str()),
                [{"text": t, "ids": encode(t), "decoded": decode(encode(t))} for t in texts])
            continue
        folder = os.path.join(options.folder, name)
        os.makedirs(folder, exist_ok=True)
        tokenizer.save(os.path.join(folder, "tokenizer.json"), pretty=False)
        write_cases(os.path.join(folder, "cases.jsonl"), texts, encode, decode, True)
        print(name, tokenizer.get_vocab_size(), flush=True)
    for name, model in models_of.items():
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        known = [t for t in texts if "\0" not in t]
        if options.reference:
            write_reference(
                options.folder, name, "sentencePiece",
                base64.b64encode(stripped(model)).decode(),
                [{"text": t, "ids": processor.encode(t)} for t in known])
            continue
        folder = os.path.join(options.folder, name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "tokenizer.model"), "wb") as file:
            file.write(model)
        write_cases(
            os.path.join(folder, "cases.jsonl"), known, processor.encode, None, False)
        print(name, processor.get_piece_size(), flush=True)


main()
