"""Makes the tokenizers and the expected ids that TextsTests compares with.

    pip install tokenizers==0.23.3 transformers==5.23.0 gguf
    python make_tokenizers.py [SmolLM2-135M-Instruct.gguf]

Every tokenizer is trained on the text in this file, and every expected id comes from the `tokenizers` library. With the
path of a SmolLM2 GGUF file, the ids of the real SmolLM2 tokenizer are made too.
"""
import json
import sys
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = Path(__file__).parent

CORPUS = """
A ship that is loaded past its line may float in the harbour and founder in the open sea. The painter who draws the line
does not guess: he knows the hull, the water and the season. We're loading tonnes of grain, and they've asked whether the
hold can take 1,250 more sacks; I'd say it can't, he'll say it might, and you're welcome to measure it yourself.
In winter the water is colder and heavier, so the same hull rides higher. In summer it sinks a hand's breadth deeper.
The captain's log for the 21st of November 1893 reads: wind north-west, force 7, barometer 29.54 inches, all well.
Numbers matter: 0 1 2 3 4 5 6 7 8 9 10 11 12 100 128 256 512 1000 1024 2048 4096 65536 3.14159 2.71828 1e-5 0x1F 50% 99.9%

def loss(logits, labels):
    total = 0.0
    for row, label in zip(logits, labels):
        if label == -100:
            continue
        total += logsumexp(row) - row[label]
    return total / max(1, len(labels))

for (int i = 0; i < n; ++i) { sum += x[i] * y[i]; }   // a dot product
let peak = ledger.entries.map { $0.bytes.count }.reduce(0, +)
SELECT name, bytes FROM entries WHERE account = 'weights' ORDER BY bytes DESC;
<p class="note">The hold is <b>full</b> &amp; the tide is out.</p>
{"instruction": "Count the sacks", "input": "3 + 4", "output": "7"}
https://example.org/harbour?tide=high&load=12#line  user@example.org  /usr/local/bin  C:\\\\ships\\\\log.txt

Das Schiff fährt über die größte Brücke, und der Käpt'n grüßt. Der Überfluß an Äpfeln war außergewöhnlich schön.
Le bateau était chargé à ras bord ; la mer, déjà forcée, l'a renversé près de l'île. Où êtes-vous allés cet été ?
El barco llegó mañana por la mañana; ¿quién lo cargó así? ¡Qué desastre, señor! La línea está pintada.
Корабль вышел из гавани рано утром, и море было спокойно. Груз лежал ровно, как и требовалось по закону.
Το πλοίο φεύγει από το λιμάνι το πρωί. Η γραμμή δείχνει πόσο φορτίο μπορεί να σηκώσει.
船が港を出る。海はしずかで、荷物は重い。線の上まで水が来たら、もう積めない。東京から大阪まで。
船离开港口，海面平静。货物很重，水位线以上不能再装。学习模型需要多少内存？
배가 항구를 떠난다. 바다는 조용하고 짐은 무겁다. 한국어 문장도 조금 있다.
السفينة تغادر الميناء في الصباح والبحر هادئ. الحمولة ثقيلة والخط واضح.
הספינה יוצאת מן הנמל בבוקר והים שקט. המטען כבד.
เรือออกจากท่าในตอนเช้า ทะเลสงบ และสินค้าหนักมาก
जहाज़ सुबह बंदरगाह से निकलता है और समुद्र शांत है।
Emoji: 🚢 ⚓ 🌊 😀 😂 👍 👍🏽 👩‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇫🇷 🇯🇵 🇺🇦 ❤️ ✅ 1️⃣
Mathematics: ∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε; ∑ᵢ xᵢ² ≤ ∞; α·β = γ⁻¹; ½ + ¼ = ¾; √2 ≈ 1.41421
""" * 4

HAND = [
    "", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\n ", "\t\t x", "a", "Z", "0", "é", "e\u0301", "ß", "中", "🚢",
    "Hello", " Hello", "Hello ", "  Hello  ", "Hello, world!", "Hello\nworld", "Hello\r\nworld\r\n", "Hello \n\n  world",
    "The ship's hull can't carry what we'd hoped; they've said I'm late, you'll see, she's here, we're not.",
    "IT'S WE'RE I'LL THEY'VE I'D I'M DON'T", "it’s ‘quoted’ “text” — with – dashes…", "'s 't 're 've 'm 'll 'd", "''s'''t",
    "rock'n'roll o'clock y'all'd've", "'S 'T 'RE 'VE 'M 'LL 'D 'ſ 'ST", "K'\u212a \u212a",
    "1", "12", "123", "1234", "12345", "123456", "1234567890", "3.14159", "-1.5e-10", "1,234,567.89", "0x1F 0b1010 1_000",
    "№ 5 ½ ⅓ ² ³ Ⅷ ٣٤٥ १२३ ౧౨౩ 四五六 𝟘𝟙𝟚 ①②③", "x1y22z333", "v1.2.3-rc4+build.567", "12:34:56 2026-11-21 50%",
    "def f(x):\n    return x ** 2\n\n\nclass A:\n\tpass\n", "for(int i=0;i<n;++i){sum+=x[i]*y[i];}//dot",
    "    indented\n        more\n            most\n", "\tif x:\n\t\ty = 1\n", "a  b   c    d     e", "a\u00a0b\u2003c\u3000d\u2028e\u0085f",
    "trailing spaces   ", "   leading spaces", "\n\n\n\n", " \t \n \r\n \t", "x\n\n\ny", "x \n \n y", "x\r\ry", "\x0b\x0c\x1c\x1f",
    "SELECT * FROM t WHERE a='b' AND c<>\"d\";", "<html><body class=\"x\">&amp;&lt;</body></html>", "{\"a\": [1, 2.5, null, true]}",
    "https://example.org/a/b?c=d&e=f#g", "user@example.org", "C:\\dir\\file.txt", "/usr/local/bin:$PATH", "#!/bin/sh\necho \"$1\" | sed 's/a/b/g'",
    "!!!", "...", "?!?!", "---", "===", "***", "((()))", "[]{}<>", "@#$%^&*", "a!b?c.d,e;f:g", " !", "! ", " ...x", "$100 €200 £300 ¥400",
    "größte Brücke außergewöhnlich", "l'été déjà où être", "mañana señor ¿qué?", "Żółć gęślą jaźń", "İstanbul ıI", "ǅ ǈ ŉ",
    "Корабль вышел из гавани", "Το πλοίο φεύγει", "船が港を出る。", "海面平静，货物很重。", "배가 항구를 떠난다.", "السفينة تغادر الميناء",
    "הספינה יוצאת", "เรือออกจากท่าในตอนเช้า", "जहाज़ सुबह निकलता है", "தமிழ் எழுத்து", "ქართული ენა", "Հայերեն", "አማርኛ", "བོད་ཡིག", "ខ្មែរ",
    "مرحبا 123 العالم ٤٥٦", "שָׁלוֹם", "Tiếng Việt có dấu", "n\u0303 A\u030a o\u0302\u0301 \u1112\u1161\u11ab", "Å Å Å", "ﬁ ﬂ ﬀ", "e\u0301\u0323 \u0323e",
    "a\u0301\u0301\u0301b", "\u0301start", "q\u0307\u0323", "\u0958 \u09dc \u0f43", "\u2126 \u212b", "カ\u3099キ\u3099", "ｶﾞ ＡＢＣ １２３",
    "👍🏽", "👩‍🚀", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷🇯🇵🇺🇦", "1️⃣2️⃣", "❤️✅", "😀😂😀", "x😀y", " 😀 ", "🚢⚓🌊 ship", "🫠🪿🫎", "\U0001F9D1\U0001F3FF\u200d\U0001F4BB",
    "\u200b\u200c\u200d\ufeff", "\ufeffBOM first", "\u202eright to left", "soft\u00adhyphen", "\ufffd\ufffe", "\ue000\uf8ff", "\U0010ffff", "\x00", "a\x00b", "\x7f\x80\x9f",
    "\U00020000\U0002A6DF", "\U0001D400\U0001D49C", "𐍈𐌰", "𓀀𓁐", "\u0378\u0379", "\U000E0041", "\U0001F468\u200d", "\u0e33\u0eb3", "\u17d2\u1780",
    "<s>", "</s>", "<unk>", "<|endoftext|>", "<|im_start|>user\nHi<|im_end|>\n", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|><|endoftext|>",
    "<|im_start|>", "<|im_start", "<|im_start|><|im_end|>", "text <|im_end|>\n\n next", "<tool_call>x</tool_call>", "x <mask> y", "x  <mask>\n y", "<wide> a<wide>b <wide>",
    "word oneword word", "word", "wordword", "Å<norm>é", "<|begin_of_text|>Hi<|eot_id|>", "<0x41><0x0A>", "<|a|> <|ab|> <|abc|>", "<|abcd|>",
    "▁", "▁▁x", "a▁b", "Ġ", "Ċx", "ĠĠa", "Ä ł Ń", "<pad><s> </s>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the the the the the", "ThE sHiP", "camelCaseIdentifier snake_case_identifier SCREAMING_CASE",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "xn--bcher-kva", "\n\n### Instruction:\nCount.\n\n### Response:\n", "∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε",
    "The quick brown fox jumps over the lazy dog. " * 3, "\u1ab0\u0300\u036f", "²₂ x² H₂O", "ªº", "ⅷ", "〇二", "々", "ー", "ـ", "\u06dd", "९", "꧐", "\U0001E950",
]


def random_strings(count, seed=20261121):
    """Strings that nobody would think of: words, spaces, marks and symbols of many scripts, thrown together."""
    rng = random.Random(seed)
    atoms = ["the", "Ship", "'s", "'LL", "42", "7", " ", "  ", "\n", "\r\n", "\t", "é", "e\u0301", "\u0323", "ñ", "中文", "の", "\u3000", "\u00a0", "—", "…", "!", "?!", "_",
             "<|im_end|>", "<mask>", "😀", "👩‍🚀", "\u200d", "🇫🇷", "ا", "ש", "ท", "ि", "क", "ß", "İ", "½", "²", "٣", "\u0345", "한", "\u1100\u1161", "Ω", "\u2126", "x", "Z", "0x", "()", "{", "}\n", "//", "\\", "\"", "'", "’"]
    return ["".join(rng.choice(atoms) for _ in range(rng.randint(2, 14))) for _ in range(count)]


STRINGS = HAND + random_strings(100)

GPT2_SPECIAL = ["<|endoftext|>"]
LLAMA3_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
TEKKEN_SPLIT = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(pre_tokenizer, special, size=900, normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS.splitlines(keepends=True), trainer)
    return tokenizer


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def gpt2():
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), GPT2_SPECIAL)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    # Added tokens with every flag there is.
    tokenizer.add_tokens([
        AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<wide>", lstrip=True, rstrip=True, normalized=False),
        AddedToken("oneword", single_word=True), AddedToken("<|a|>"), AddedToken("<|ab|>"), AddedToken("<|abc|>"), "ship's"])
    return tokenizer


def gpt2_prefix_space():
    """RoBERTa's way: a space in front, and sentences framed by cls and sep."""
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), ["<s>", "</s>", "<pad>"], size=700)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return tokenizer


def llama3():
    tokenizer = byte_level(split_then_bytes(LLAMA3_SPLIT), ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"], ignore_merges=True)
    # A token that the merges cannot make, as Llama 3's vocabulary has.
    data = json.loads(tokenizer.to_str())
    data["model"]["vocab"]["Ġsupercalifragilistic"] = max(data["model"]["vocab"].values()) + 1
    data["model"]["vocab"]["Ġfounderharbour"] = max(data["model"]["vocab"].values()) + 1
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", 0)])])
    return tokenizer


def smollm2():
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"]
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer = byte_level(digits, special)
    tokenizer.post_processor = None
    return tokenizer


def qwen2():
    tokenizer = byte_level(split_then_bytes(QWEN2_SPLIT), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], normalizer=normalizers.NFC())
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("<norm>", normalized=True), AddedToken("Å", normalized=True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def tekken():
    return byte_level(split_then_bytes(TEKKEN_SPLIT), ["<unk>", "<s>", "</s>"], size=700, ignore_merges=True)


BYTES = [f"<0x{b:02X}>" for b in range(256)]


def sentencepiece_like(size, fallback=True):
    """Vocabulary and merges laid out as SentencePiece does: control tokens, bytes, merged pieces, single characters."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trained.train_from_iterator(
        CORPUS.splitlines(), trainers.BpeTrainer(vocab_size=size, limit_alphabet=220, show_progress=False))
    data = json.loads(trained.to_str())["model"]
    merges = [tuple(m) for m in data["merges"]]
    pieces, seen = [], set()
    for left, right in merges:
        if left + right not in seen:
            seen.add(left + right)
            pieces.append(left + right)
    characters = [t for t in data["vocab"] if t not in seen]
    for run in ("▁▁", "▁▁▁▁", "▁▁▁▁▁▁▁▁"):
        if run not in seen:
            half = run[: len(run) // 2]
            merges.append((half, half))
            pieces.append(run)
            seen.add(run)
    return ["<unk>", "<s>", "</s>"] + (BYTES if fallback else []), pieces, characters, merges


def llama_like(normalizer, pre_tokenizer, decoder, size=900, fallback=True, **model):
    control, pieces, characters, merges = sentencepiece_like(size, fallback)
    vocabulary = {token: i for i, token in enumerate(control + pieces + characters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=fallback, **model))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def decoder(strip=True):
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(parts + ([decoders.Strip(" ", 1, 0)] if strip else []))


def llama2():
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return llama_like(normalizer, None, decoder(), fuse_unk=True)


def mistral():
    return llama_like(None, pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False), decoder(), fuse_unk=True)


def metaspace_unknown():
    """No byte fallback: what is not in the vocabulary is <unk>, once for each character; a piece for each word."""
    return llama_like(None, pre_tokenizers.Metaspace("▁", prepend_scheme="always", split=True), decoders.Metaspace(), size=500, fallback=False, fuse_unk=False)


def gemma():
    tokenizer = llama_like(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"), decoder(strip=False), size=700, fuse_unk=True)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return tokenizer


def gguf_scored():
    """Fields of a GGUF file with scores and no merges, and the tokenizer that transformers makes of them."""
    from transformers.integrations.gguf.gguf_tokenizer_mapping import convert_gguf_tokenizer
    control, pieces, characters, _ = sentencepiece_like(800)
    tokens = control + pieces + characters + ["<tool>"]
    scores = [0.0] * len(control) + [-float(i) for i in range(len(pieces) + len(characters))] + [0.0]
    types = [2, 3, 3] + [6] * 256 + [1] * (len(pieces) + len(characters)) + [4]
    fields = {"tokenizer_type": "llama", "tokens": tokens, "scores": scores, "token_type": types,
              "bos_token_id": 1, "eos_token_id": 2, "unk_token_id": 0}
    tokenizer, _ = convert_gguf_tokenizer("llama", fields)
    return fields, tokenizer


def smollm2_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    types = fields["tokenizer.ggml.token_type"].contents()
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t, kind in zip(tokens, types) if kind == 3])
    return tokenizer


def expected(tokenizer, framed=True):
    """For each string its ids without special tokens, and the text that these decode to."""
    plain = [tokenizer.encode(s, add_special_tokens=False).ids for s in STRINGS]
    return {
        "ids": plain,
        "framed": [tokenizer.encode(s).ids for s in STRINGS[:40]],
        "decoded": [tokenizer.decode(ids, skip_special_tokens=False) for ids in plain],
        "skipped": [tokenizer.decode(ids, skip_special_tokens=True) for ids in plain[-160:-100]],
    }


def classes():
    """Which scalars the library's expressions take for a letter, a number, white space, a mark; as ranges."""
    result = {}
    for name, pattern in [("letter", r"\p{L}"), ("number", r"\p{N}"), ("space", r"\s"), ("mark", r"\p{M}"), ("upper", r"\p{Lu}"), ("lower", r"\p{Ll}")]:
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        ranges = []
        for value in range(1, 0x110000):
            if 0xD800 <= value < 0xE000:
                continue
            if len(split.pre_tokenize_str("\x00" + chr(value))) == 2:
                if ranges and ranges[-1][1] == value - 1:
                    ranges[-1][1] = value
                else:
                    ranges.append([value, value])
        result[name] = [x for pair in ranges for x in pair]
    return result


def write(name, value):
    (here / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write("strings.json", STRINGS)
    write("classes.json", classes())
    for make in (gpt2, gpt2_prefix_space, llama3, smollm2, qwen2, tekken, llama2, mistral, metaspace_unknown, gemma):
        tokenizer = make()
        name = make.__name__
        (here / f"{name}.tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")))
        write(f"{name}.expected.json", expected(tokenizer))
    fields, tokenizer = gguf_scored()
    write("gguf_scored.fields.json", fields)
    write("gguf_scored.expected.json", expected(tokenizer))
    if len(sys.argv) > 1:
        write("smollm2_gguf.expected.json", expected(smollm2_gguf(sys.argv[1])))
    print(len(STRINGS), "strings")
