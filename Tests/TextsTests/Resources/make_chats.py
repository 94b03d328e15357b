"""Makes the chat templates and the renderings that TextsTests compares with.

    pip install jinja2==3.1.6
    python make_chats.py

The templates are written for this file: each renders what the template of the named models renders, and has the markers
that theirs have. The environment is the one of transformers' `apply_chat_template`.
"""
import json
from pathlib import Path

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

ALTERNATE = (
    "{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}")
TAKE_SYSTEM = (
    "{%- if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% set turns = messages[1:] %}"
    "{% else %}{% set turns = messages %}{% endif %}")
QWEN3 = """
{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}
{%- set ns = namespace(open=true, last_query_index=messages|length - 1) %}
{%- for m in messages[::-1] %}
{%- if ns.open and m.role == 'user' %}{%- set ns.open = false %}{%- set ns.last_query_index = messages|length - 1 - loop.index0 %}{%- endif %}
{%- endfor %}
{%- for m in messages %}
{%- if m.role == 'user' or (m.role == 'system' and not loop.first) %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}
{%- elif m.role == 'assistant' %}
{%- set content = m.content %}{%- set thought = '' %}
{%- if '</think>' in content %}
{%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
{%- set content = content.split('</think>')[-1].lstrip('\\n') %}
{%- endif %}
{%- if loop.index0 > ns.last_query_index and (loop.last or thought) %}
{{- '<|im_start|>' + m.role + '\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
{%- else %}{{- '<|im_start|>' + m.role + '\\n' + content }}{%- endif %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""


def chatml(default=None, opening=""):
    first = ""
    if default:
        first = "{% if loop.first and m['role'] != 'system' %}{{ '<|im_start|>system\\n" + default + "<|im_end|>\\n' }}{% endif %}"
    return ("{% for m in messages %}" + first + opening + "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}"
            "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")


def llama2():
    return (TAKE_SYSTEM + "{%- for m in turns %}" + ALTERNATE +
            "{%- set content = m['content'] %}{%- if loop.first and system_message is defined %}{%- set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + content %}{%- endif %}"
            "{%- if m['role'] == 'user' %}{{- bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{%- else %}{{- ' ' + content.strip() + ' ' + eos_token }}{%- endif %}{%- endfor %}")


def llama3():
    return ("{{- bos_token }}{%- for m in messages %}{{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}"
            "{%- endfor %}{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}")


def llama31():
    return ("{{- bos_token }}{%- if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] | trim %}{% set messages = messages[1:] %}{% else %}{% set system_message = '' %}{% endif %}"
            "{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\nToday Date: 26 Jul 2024\\n\\n' + system_message + '<|eot_id|>' }}"
            + llama3().removeprefix("{{- bos_token }}"))


def mistral(user_open="'[INST] '", user_close="' [/INST]'", answer="message['content'] + eos_token", system=None):
    header, take = "message['content']", "{%- set turns = messages %}"
    if system:
        take = TAKE_SYSTEM
        place = "loop.last and system_message is defined" if system == "last" else "loop.first and system_message is defined"
        header = f"(system_message + '\\n\\n' if {place} else '') + message['content']"
    return (take + "{{- bos_token }}{%- for message in turns %}" + ALTERNATE.replace("m['", "message['") + "{%- if message['role'] == 'user' %}{{- " + user_open + " + " + header + " + " + user_close +
            " }}{%- elif message['role'] == 'assistant' %}{{- " + answer + " }}{%- else %}{{- raise_exception('no such role') }}{%- endif %}{%- endfor %}")


def gemma(system):
    refuse = "{%- if messages[0]['role'] == 'system' %}{{- raise_exception('System role not supported') }}{% endif %}{%- set turns = messages %}"
    header = "(system_message + '\\n\\n' if loop.first and system_message is defined else '') + " if system else ""
    return ("{{- bos_token }}" + (TAKE_SYSTEM if system else refuse) + "{%- for m in turns %}" + ALTERNATE +
            "{%- set role = 'model' if m['role'] == 'assistant' else m['role'] %}{{- '<start_of_turn>' + role + '\\n' + " + header + "m['content'] | trim + '<end_of_turn>\\n' }}{%- endfor %}"
            "{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}")


def phi3():
    return ("{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\\n' + message['content'] + '<|end|>\\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '<|end|>\\n' }}"
            "{% else %}{{ '<|assistant|>\\n' + message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}")


def zephyr():
    turns = "".join(f"{{% {'if' if r == 'user' else 'elif'} m['role'] == '{r}' %}}\n{{{{ '<|{r}|>\n' + m['content'] + eos_token }}}}\n" for r in ("user", "system", "assistant"))
    return "{% for m in messages %}\n" + turns + "{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"


SMOL = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
TEMPLATES = [
    ("chatML: OpenHermes", chatml(), "<s>", "<|im_end|>"),
    ("chatML: SmolLM2", chatml(SMOL), "<|im_start|>", "<|im_end|>"),
    ("chatML: Qwen1.5", chatml("You are a helpful assistant."), "", "<|im_end|>"),
    ("chatML: with beginning", "{{ bos_token }}" + chatml(), "<s>", "<|im_end|>"),
    ("qwen3: Qwen3", QWEN3, "", "<|im_end|>"),
    ("llama2: Llama-2-chat", llama2(), "<s>", "</s>"),
    ("llama3: Llama-3-Instruct", llama3(), "<|begin_of_text|>", "<|eot_id|>"),
    ("llama31: Llama-3.1-Instruct", llama31(), "<|begin_of_text|>", "<|eot_id|>"),
    ("mistral: v0.1", mistral(answer="message['content'] + eos_token + ' '"), "<s>", "</s>"),
    ("mistral: v0.2", mistral(), "<s>", "</s>"),
    ("mistral: v0.2 of December 2024", mistral("' [INST] '", answer="' ' + message['content'] + eos_token", system="first"), "<s>", "</s>"),
    ("mistral: v0.3", mistral(user_close="'[/INST]'", answer="' ' + message['content']|trim + eos_token", system="last"), "<s>", "</s>"),
    ("mistral: Nemo", mistral("'[INST]'", "'[/INST]'", "message['content'] + eos_token", "last"), "<s>", "</s>"),
    ("gemma: 1 and 2", gemma(False), "<bos>", "<eos>"),
    ("gemma: 3", gemma(True), "<bos>", "<eos>"),
    ("phi3: Phi-3-mini", phi3(), "<s>", "<|endoftext|>"),
    ("zephyr: Zephyr, TinyLlama", zephyr(), "<s>", "</s>"),
]

SYSTEM, USER, ANSWER = "system", "user", "assistant"
CONVERSATIONS = [
    [(USER, "Is the hold full?"), (ANSWER, "Not yet.")],
    [(SYSTEM, "You count sacks."), (USER, "How many?"), (ANSWER, "Twelve.")],
    [(USER, "One"), (ANSWER, "Two"), (USER, "Three"), (ANSWER, "Four")],
    [(SYSTEM, " Be brief.\n"), (USER, "  a\n"), (ANSWER, "\n b  "), (USER, "c\u00e9\n\n"), (ANSWER, " \U0001F6A2 ")],
    [(USER, "Only a question?")],
    [(SYSTEM, "s"), (USER, "Only a question?")],
    [(USER, "Why?"), (ANSWER, "<think>\nThe tide.\n</think>\n\nBecause of the tide."), (USER, "And?"), (ANSWER, "<think>\nMoon\n</think>\nThe moon.")],
    [(USER, "Write\ncode"), (ANSWER, "def f():\n    return 1\n"), (USER, "''\"\\n\""), (ANSWER, "{% raw %}{{ x }}")],
    [(ANSWER, "I begin.")],
    [(USER, "a"), (USER, "b")],
]


def render(template, messages, bos, eos, generation):
    def raise_exception(message):
        raise TemplateError(message)
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["raise_exception"] = raise_exception
    try:
        return environment.from_string(template).render(messages=messages, bos_token=bos, eos_token=eos, add_generation_prompt=generation)
    except TemplateError:
        return None


def golden(templates):
    result = []
    for name, template, bos, eos in templates:
        cases = []
        for conversation in CONVERSATIONS:
            messages = [{"role": role, "content": content} for role, content in conversation]
            for generation in (False, True):
                cases.append({"messages": messages, "generation": generation, "text": render(template, messages, bos, eos, generation)})
        result.append({"name": name, "template": template, "bos": bos, "eos": eos, "cases": cases})
    return result


if __name__ == "__main__":
    path = Path(__file__).parent / "chats.json"
    path.write_text(json.dumps(golden(TEMPLATES), separators=(",", ":")) + "\n")
