"""What Jinja makes of chat templates, to compare Pare's interpreter with.

    python chat_references.py CASES.jsonl TEMPLATE.jinja …
        writes a case for each template and conversation; PARE_CHAT_CASES=CASES.jsonl
        swift test --filter ChatPeerTests compares them
    python chat_references.py --reference ../Tests/TokenizersTests/References
        writes ChatReferences.swift, which the tests have: small templates of our own,
        with the constructs that those of the model families use

Wants jinja2 3.1; the environment is the one that transformers makes.
"""

import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2026, 3, 5, 14, 7, 9)


class Generation(jinja2.ext.Extension):
    """`{% generation %}`: its body is what a caller writes."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )

    def refuse(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = refuse
    env.globals["strftime_now"] = NOW.strftime
    return env


def case(name, template, variables, conversation=None):
    """A case, with what Jinja writes, or why it fails."""
    result = {"name": name} | ({"conversation": conversation} if conversation else {})
    try:
        result["expected"] = environment().from_string(template).render(**variables)
    except Exception as error:
        result["error"] = f"{type(error).__name__}: {error}"[:200]
    return result


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather <today> & \"now\" in a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town: Zürich"},
                "days": {"type": "integer", "default": 1},
                "units": {"type": "string", "enum": ["C", "F"]},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["place"],
        },
    },
}
CALL = {"name": "weather", "arguments": {"place": "Bern", "days": 2, "deep": [1.5, None, True]}}


def said(*turns):
    return [{"role": role, "content": content} for role, content in turns]


CONVERSATIONS = {
    "question": {"messages": said(("user", "Who are you?"))},
    "system": {"messages": said(("system", " Be brief.\n"), ("user", "  Two lines\nof text \n"))},
    "turns": {
        "messages": said(
            ("system", "You are kind."), ("user", "Hi"), ("assistant", "Hello {{ 1 }} <b>"),
            ("user", "日本語 😀"),
        )
    },
    "turns without system": {
        "messages": said(("user", "Hi"), ("assistant", " Hello "), ("user", "And now?"))
    },
    "thoughts": {
        "messages": said(
            ("user", "2+2"), ("assistant", "<think>\nhard\n</think>\n\n4"), ("user", "3+3"))
    },
    "no thinking": {"messages": said(("user", "/no_think Why?")), "enable_thinking": False},
    "no prompt": {
        "messages": said(("user", "Hi"), ("assistant", "Hello")), "add_generation_prompt": False
    },
    "wrong order": {"messages": said(("assistant", "Hello"), ("user", "Hi"), ("user", "Hi"))},
    "nothing": {"messages": []},
    "tools": {"messages": said(("system", "Act."), ("user", "Weather?")), "tools": [WEATHER]},
    "tool call": {
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant", "content": "",
                "tool_calls": [{"id": "call00001", "type": "function", "function": CALL}],
            },
            {
                "role": "tool", "name": "weather", "tool_call_id": "call00001",
                "content": "{\"sun\": true}",
            },
        ],
        "tools": [WEATHER],
    },
}
STANDARD = {
    "tools": None, "documents": None, "add_generation_prompt": True, "bos_token": "<s>",
    "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>",
}

# Our own, each with what a kind of family's template does.
TEMPLATES = {
    # A system message goes into the first turn; turns must alternate.
    "brackets": """{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}\
{% set note = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set note = false %}\
{% endif %}{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('user and assistant take turns') }}{% endif %}\
{% if loop.index0 == 0 and note != false %}{% set text = '<<S>>\\n' + note + '\\n<</S>>\\n\\n' + m['content'] %}\
{% else %}{% set text = m['content'] %}{% endif %}{% if m['role'] == 'user' %}\
{{ bos_token + '[I] ' + text.strip() + ' [/I]' }}{% elif m['role'] == 'assistant' %}\
{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    # Headers, a date, and tools as indented JSON.
    "headers": """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{#- The first message may be the system's. -#}
{%- if messages and messages[0].role == "system" %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|h|>system<|/h|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Tools: on\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message ~ "<|eot|>" }}
{%- if tools is not none %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|h|>' + message['role'] + '<|/h|>\\n\\n'+ message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- call.name + "(" }}
        {%- for name, value in call.arguments | items %}
            {{- name + '=' ~ value | tojson }}{% if not loop.last %}, {% endif %}
        {%- endfor %}
        {{- ")" }}
    {%- else %}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|h|>assistant<|/h|>\\n\\n' }}
{%- endif %}
""",
    # Thoughts are cut from old answers; the last question is found from behind.
    "thoughts": """{%- set ns = namespace(multi=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi and message.role == "user" and message.content is string and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}
        {%- set ns.multi = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- set thought = '' %}
    {%- if '</think>' in content %}
        {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {%- if loop.index0 > ns.last and (loop.last or thought) %}
        {{- '[' + message.role + ']\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
    {%- else %}
        {{- '[' + message.role + ']\\n' + content }}
    {%- endif %}
    {%- for tool_call in message.tool_calls or [] %}
        {%- if (loop.first and content) or (not loop.first) %}
            {{- '\\n' }}
        {%- endif %}
        {%- if tool_call.function %}
            {%- set tool_call = tool_call.function %}
        {%- endif %}
        {{- '{"name": "' ~ tool_call.name ~ '", "arguments": ' }}
        {%- if tool_call.arguments is string %}
            {{- tool_call.arguments }}
        {%- else %}
            {{- tool_call.arguments | tojson }}
        {%- endif %}
        {{- '}' }}
    {%- endfor %}
    {{- '[end]\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '[assistant]\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
    # Another word for the assistant, and a system message that is refused.
    "roles": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}\
{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}\
{% set role = message['role'] %}{% endif %}{{ '<turn>' + role + '\\n' + message['content'] | trim + '</turn>\\n' }}\
{% endfor %}{% if add_generation_prompt %}{{'<turn>model\\n'}}{% endif %}""",
    # Blocks on lines of their own, which trim_blocks and lstrip_blocks take away.
    "lines": """{% for message in messages %}
  {% if message.role == 'user' %}
<|user|>
{{ message.content }}<|end|>
  {% elif message.role == 'system' %}

<|system|>
    {{ message.content }}<|end|>
  {% else %}
<|assistant|>
{% generation %}
{{ message.content }}{{ '<|end|>' }}
{% endgeneration %}
  {% endif %}
  {# a comment on its own line #}
{% endfor %}
   {%+ if add_generation_prompt +%}
<|assistant|>
{%- endif %}

""",
    # Macros that call themselves, with defaults, over a schema.
    "schema": """{%- macro kind(spec, required, level=0) -%}
  {%- if spec.type == "array" -%}
    {{- kind(spec['items'], required) + "[]" }}
  {%- elif spec.type is iterable and spec.type is not string -%}
    {{- spec.type | join(" | ") }}
  {%- elif spec.enum -%}
    {{- '"' + spec.enum|join('" | "') + '"' }}
  {%- elif spec.type == "object" -%}
    {{- "{\\n" }}
    {%- for name, part in spec.get('properties', {}).items() -%}
      {{- "  " * (level + 1) + name }}
      {%- if name not in (spec.required or []) %}{{ "?" }}{% endif -%}
      {{- ": " + kind(part, spec.required or [], level=level + 1) }}
      {%- if not loop.last %}{{ "," }}{% endif %}{{ "\\n" }}
    {%- endfor -%}
    {{- "  " * level + "}" }}
  {%- else -%}
    {{- spec.type|default("any", true) }}
    {%- if spec.default is defined %} = {{ spec.default|tojson }}{% endif %}
  {%- endif -%}
{%- endmacro -%}
{%- macro tools_of(tools) -%}
  {%- for tool in tools -%}
    {%- set tool = tool.function %}
    {{- "// " + tool.description + "\\n" + tool.name + "(_: " + kind(tool.parameters, []) + ")\\n" }}
  {%- endfor %}
{%- endmacro -%}
{%- if tools %}{{ tools_of(tools) }}{% endif -%}
{%- set found = messages | selectattr('role', 'equalto', 'system') | map(attribute='content') | list -%}
{{ found | first | default('nothing') | upper }}|
{%- for m in messages | rejectattr('role', 'equalto', 'system') if m.content %}
{{ loop.index }}/{{ loop.length }} {{ loop.previtem.role if loop.previtem is defined else '-' }} {{ m.content | replace('\\n', ' ') | trim }}
{%- if loop.index >= 2 %}{% break %}{% endif %}
{%- else %}nobody{% endfor %}""",
}

# One construct each: a template, and where it needs them its variables.
SNIPPETS = [
    # Writing values.
    "{{ 1 }} {{ 1.0 }} {{ -2.5e-7 }} {{ 1e16 }} {{ 123456789.125 }} {{ 1e15 }} {{ 0.0001 }} {{ 1e22 }}",
    "{{ true }} {{ False }} {{ none }} {{ nothing }}|{{ 'a' 'b' }}",
    "{{ [1, 'a', \"it's\", none, [true]] }} {{ (1,) }} {{ (1, 2) }} {{ () }} {{ {'a': 1, 'b': [2.5]} }}",
    "{{ ['\\n\\t\\\\', '\\u00e9', \"'\\\"\", '\\x00'] }}",
    "{{ '\\x41\\u00df\\101\\q\\'' }} {{ 0x1f }} {{ 1_000 }} {{ 0b11 }} {{ 0o17 }}",
    # Operators and their order.
    "{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }}",
    "{{ 1 ~ 2 + 3 }}|{{ 'a' ~ 1 ~ none ~ true ~ missing }}",
    "{{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' == 1 }}",
    "{{ not false and true }} {{ 0 or 'x' }} {{ '' and 'x' }} {{ not not 1 }} {{ 1 if 0 else 2 }} {{ 1 if 0 }}|",
    "{{ 'a' if x is defined else 'b' if y is defined else 'c' }}",
    "{{ 'b' in 'abc' }} {{ 2 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 'z' not in 'abc' }} {{ 1 in [true] }}",
    "{{ 'ab' * 3 }} {{ [1] * 2 }} {{ [1] + [2] }} {{ 'a' + 'b' * 2 }} {{ -1 | string + '!' }}",
    "{{ 1 == 1 | string }} {{ 3 - -2 }} {{ - (2) }} {{ +3 }} {{ 1 - 2 - 3 }} {{ 2 ** 3 ** 2 }}",
    "{{ 7 // 2.0 }} {{ -7 % 2.5 }} {{ 1.5 + 1 }} {{ true + 1 }} {{ 10 % -3 }}",
    # Members, elements, slices.
    "{% set d = {'a': 1, 'items': 2, 'b c': 3} %}{{ d.a }} {{ d['items'] }} {{ d['b c'] }} {{ d.z }}|{{ d['z'] is defined }}",
    "{{ 'héllo'[1] }} {{ 'abc'[-1] }} {{ [1, 2, 3][-1] }} {{ [1][5] }}|{{ 'abc'[9] }}|{{ [[1, 2], [3]][0].1 }}",
    "{{ 'abcdef'[1:4] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[-3:] }} {{ 'abcdef'[:-2] }} {{ 'abcdef'[::2] }} {{ 'abc'[5:] }}|",
    "{{ [1, 2, 3, 4][1:] }} {{ [1, 2, 3][::-1] }} {{ [1, 2, 3][3:0:-2] }} {{ [][:1] }} {{ (1, 2, 3)[:2] }} {{ [1, 2][-9:9] }}",
    "{{ none.x is defined }} {{ 'a'.x is defined }} {{ missing is defined }} {{ 5 .x is defined }}",
    # Text's methods.
    "{{ ' x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' x '.lstrip() }}|{{ ' x '.rstrip() }}|{{ 'abcba'.strip('ab') }}|",
    "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.split(none, 1) }} {{ 'abab'.split('ba') }}",
    "{{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'Hello World'.upper().lower().title() }} {{ 'hELLO wORLD'.capitalize() }}",
    "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ 'héc'.find('c') }} {{ 'aXbXc'.replace('X', '-', 1) }} {{ 'abab'.count('ab') }} {{ 'abab'.rfind('ab') }}",
    "{{ ', '.join(['a', 'b']) }} {{ 'abc'.removeprefix('a').removesuffix('c') }} {{ 'ab'.replace('', '-') }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'aB'.isalpha() }} {{ 'ßA'.lower() }}",
    "{{ \"it's o'neill-smith\".title() }} {{ \"it's o'neill-smith (x)\" | title }}",
    # Dictionaries' methods.
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 3) }}",
    "{{ dict(a=1, b=2) }} {{ {'a': 1, 'a': 2} }} {{ {'a': 1} == {'a': 1.0} }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}",
    # Loops.
    "{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
    "{% for x in [] %}a{% else %}b{% endfor %}{% for x in missing %}a{% else %}c{% endfor %}",
    "{% for x in [1, 2, 3, 4] if x % 2 == 0 %}{{ loop.index }}:{{ x }} {% endfor %}{% for x in 'añb' %}{{ x }}.{% endfor %}{% for k in {'p': 1, 'q': 2} %}{{ k }}{% endfor %}",
    "{% for x in range(5) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for (a, b) in [[5, 6]] %}{{ a + b }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns.y is defined }}",
    "{% for i in [1, 2] %}{% set outer = loop %}{% for j in [1, 2] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for i in range(3, 0, -1) %}{{ i }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }} {% endfor %}{{ range(3) | list }}",
    "{% for i in [1, 1, 2] %}{{ loop.changed(i) }} {% endfor %}",
    # Setting.
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}{% if true %}{% set a = 9 %}{% endif %}{{ a }}",
    "{% set t %}a {{ 1 + 1 }}\n{% endset %}[{{ t }}]{% set u | trim | upper %} b {% endset %}[{{ u }}]",
    # Macros.
    "{% macro m(a, b='x', c=none) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 2) }} {{ m(1, c=3) }} {{ m() }}|{{ m(1) is string }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) | upper }}",
    "{% set g = 'global' %}{% macro m() %}{{ g }}{% set g = 'local' %}{{ g }}{% endmacro %}{{ m() }}{{ g }}",
    # Filters.
    "{{ ' a ' | trim }}|{{ 'xax' | trim('x') }}|{{ 5 | trim }}|{{ none | trim }}|{{ missing | trim }}|{{ 'abc' | length }} {{ [1] | count }} {{ {'a': 1} | length }} {{ missing | length }} {{ 'é😀' | length }}",
    "{{ missing | default('d') }} {{ '' | default('d') }}|{{ '' | default('d', true) }} {{ none | d('e') }} {{ none | default('e', boolean=true) }} {{ 1 | default(2) }}",
    "{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(case_sensitive=true) }} {{ [1, 2] | sort(reverse=true) }} {{ [{'a': 2}, {'a': 1}] | sort(attribute='a') }}",
    "{{ [1, 2, 1] | unique | list }} {{ ['a', 'A', 'b'] | unique | list }} {{ [1, 2] | reverse | list }} {{ 'abc' | reverse }} {{ [1, 2] | first }} {{ [1, 2] | last }} {{ 'xyz' | last }} {{ [] | first }}|",
    "{{ ['a', 'b'] | map('upper') | list }} {{ [{'a': {'b': 1}}, {'a': {'b': 2}}] | map(attribute='a.b') | list }} {{ [{'a': 1}, {}] | map(attribute='a', default=0) | list }} {{ [' a '] | map('trim') | join }}",
    "{{ [1, 0, 2] | select | list }} {{ [1, 2, 3] | select('odd') | list }} {{ [1, 2, 3] | reject('gt', 1) | list }} {{ [{'r': 'a', 'n': 1}, {'r': 'b', 'n': 2}] | selectattr('r', 'equalto', 'a') | map(attribute='n') | list }} {{ [{'r': 1}, {}] | rejectattr('r', 'defined') | list }} {{ [{'r': 1}, {'r': 0}] | selectattr('r') | list }}",
    "{{ [1, 'a', none] | join('-') }} {{ [] | join(',') }}|{{ 'abc' | join('.') }} {{ [{'a': 1}] | join(', ', attribute='a') }}",
    "{{ '3' | int }} {{ ' 4 ' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ '3.9' | int }} {{ 3.9 | int }} {{ -3.9 | int }} {{ true | int }} {{ '2.5' | float }} {{ 'x' | float }} {{ none | int }}",
    "{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(1, blank=true) }}|{{ 'hELLO' | capitalize }} {{ 'foo BAR-baz' | title }} {{ 'aXb' | replace('X', 1) }} {{ 12 | string | length }}",
    "{{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'a': 1} | items | list }} {{ missing | items | list }} {{ {'a': 1} | list }} {{ 'ab' | list }}",
    "{{ {'a': [1, 2.5, none, true, 'é\"\\n<&>']} | tojson }} {{ 'é😀\\x7f' | tojson(ensure_ascii=true) }} {{ [] | tojson(indent=2) }} {{ {} | tojson }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }} {{ '\\b\\f\\x01/' | tojson }}",
    "{{ {'a': [1, {'b': []}], 'c': {}} | tojson(indent=4) }} {{ (1, 2) | tojson }} {{ [1] | tojson(indent='\t') }} {{ [1] | tojson(indent=0) }}",
    # Tests.
    "{{ 1 is number }}{{ true is number }}{{ 1.0 is number }}{{ '1' is number }}{{ 1 is integer }}{{ true is integer }}{{ 1.0 is float }}{{ true is boolean }}{{ 1 is boolean }}",
    "{{ 'a' is string }}{{ [] is sequence }}{{ 'a' is sequence }}{{ {} is sequence }}{{ 1 is sequence }}{{ [] is iterable }}{{ 1 is iterable }}{{ 'a' is iterable }}{{ missing is iterable }}{{ {} is mapping }}{{ [] is mapping }}",
    "{{ none is none }}{{ missing is none }}{{ missing is undefined }}{{ none is defined }}{{ true is true }}{{ 1 is true }}{{ false is false }}{{ missing is false }}",
    "{{ 3 is odd }}{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ 'a' is in 'abc' }}{{ 1 is eq 1 }}{{ 2 is gt 1 }}{{ 'a' is ne('b') }}{{ 'abc' is lower }}{{ 'ABC' is upper }}{{ 'a' is not string }}{{ none is sameas none }}",
    "{{ not missing is defined }} {{ 1 + 1 is number }} {{ 'x' is string and 1 is string }} {{ raise_exception is callable }}",
    # White space.
    "a\n  {% if true %}  \n  b\n  {% endif %}\nc\n", "a \n{%- if true -%} \n b \n {%- endif -%}\n c", "  {{ 1 }}  \n  {{- 2 -}}  \n 3",
    "x {# c #} y\n  {# c #}\nz {#- c -#} w", "{% raw %}{{ a }} {% b %}{% endraw %} {%- raw -%} c {% endraw -%} d",
    "  {%+ if true %}a{% endif +%}\nb", "{% if true %}\n\na\n{% endif %}\r\nb\rc", "a{% if true %} b {% endif %} c\n\n", "\t {% set x = 1 %}\t\n{{ x }}\n",
    "{{ '{{ x }} {% y %}' }}{{ {'a': {'b': 1}}['a'] }}{{ {'a': {}} }}",
    # Dates.
    "{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %y %I %p %%') }}",
    # Failures.
    "{{ missing.x }}", "{{ missing + 1 }}", "{{ 1 + 'a' }}", "{{ raise_exception('so') }}", "{{ [1] < 1 }}", "{{ 1 / 0 }}",
    "{{ missing() }}", "{{ 1 in 1 }}", "{{ {'a': 1}.pop('a') }}", "{{ [1].append(2) }}", "{{ missing | tojson }}", "{{ 5 | length }}",
    "{% if %}", "{{ 1 + }}", "{% for x in %}{% endfor %}", "{% endif %}", "{{ 'a }}", "{% if true %}", "{{ (1 }}", "{{ 1 2 }}", "{% set x.y = 1 %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}", "{% for a, b in [[1]] %}{% endfor %}", "{{ {}[1:] }}", "{{ 'a'.split('') }}", "{% break %}",
]


def references(folder):
    tree = {"templates": TEMPLATES, "conversations": CONVERSATIONS, "standard": STANDARD}
    tree["cases"] = [
        case(name, template, STANDARD | variables, title)
        for name, template in TEMPLATES.items()
        for title, variables in CONVERSATIONS.items()
    ]
    tree["snippets"] = [case(text, text, {}) for text in SNIPPETS]
    text = json.dumps(tree, ensure_ascii=False, indent=1)
    lines = [
        "// Written by Benchmarks/chat_references.py --reference.", "",
        "/// What Jinja writes of templates, as JSON.", "enum ChatReferences {",
        '  static let text = ##"""',
    ]
    lines += ["    " + line for line in text.split("\n")] + ['    """##', "}", ""]
    (pathlib.Path(folder) / "ChatReferences.swift").write_text("\n".join(lines))
    cases = tree["cases"] + tree["snippets"]
    print(f"{len(cases)} cases, {sum('error' in item for item in cases)} of them fail")


def main():
    if sys.argv[1:2] == ["--reference"]:
        return references(sys.argv[2])
    with open(sys.argv[1], "w") as file:
        for path in sys.argv[2:]:
            template = pathlib.Path(path).read_text()
            for title, variables in CONVERSATIONS.items():
                name = f"{pathlib.Path(path).stem}, {title}"
                variables = STANDARD | variables
                item = case(name, template, variables)
                print(json.dumps(item | {"template": template, "variables": variables}), file=file)


main()
