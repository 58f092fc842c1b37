// Written by Benchmarks/chat_references.py --reference.

/// What Jinja writes of templates, as JSON.
enum ChatReferences {
  static let text = ##"""
    {
     "templates": {
      "brackets": "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set note = messages[0]['content'] %}{% else %}{% set rest = messages %}{% set note = false %}{% endif %}{% for m in rest %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('user and assistant take turns') }}{% endif %}{% if loop.index0 == 0 and note != false %}{% set text = '<<S>>\\n' + note + '\\n<</S>>\\n\\n' + m['content'] %}{% else %}{% set text = m['content'] %}{% endif %}{% if m['role'] == 'user' %}{{ bos_token + '[I] ' + text.strip() + ' [/I]' }}{% elif m['role'] == 'assistant' %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
      "headers": "{{- bos_token }}\n{%- if custom_tools is defined %}\n    {%- set tools = custom_tools %}\n{%- endif %}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now(\"%d %b %Y\") %}\n    {%- else %}\n        {%- set date_string = \"26 Jul 2024\" %}\n    {%- endif %}\n{%- endif %}\n{%- if not tools is defined %}\n    {%- set tools = none %}\n{%- endif %}\n{#- The first message may be the system's. -#}\n{%- if messages and messages[0].role == \"system\" %}\n    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n{{- \"<|h|>system<|/h|>\\n\\n\" }}\n{%- if tools is not none %}\n    {{- \"Tools: on\\n\" }}\n{%- endif %}\n{{- \"Today: \" + date_string + \"\\n\\n\" }}\n{{- system_message ~ \"<|eot|>\" }}\n{%- if tools is not none %}\n    {%- for t in tools %}\n        {{- t | tojson(indent=4) }}\n        {{- \"\\n\\n\" }}\n    {%- endfor %}\n{%- endif %}\n{%- for message in messages %}\n    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}\n        {{- '<|h|>' + message['role'] + '<|/h|>\\n\\n'+ message['content'] | trim + '<|eot|>' }}\n    {%- elif 'tool_calls' in message %}\n        {%- if not message.tool_calls|length == 1 %}\n            {{- raise_exception(\"one call at a time\") }}\n        {%- endif %}\n        {%- set call = message.tool_calls[0].function %}\n        {{- call.name + \"(\" }}\n        {%- for name, value in call.arguments | items %}\n            {{- name + '=' ~ value | tojson }}{% if not loop.last %}, {% endif %}\n        {%- endfor %}\n        {{- \")\" }}\n    {%- else %}\n        {%- if message.content is mapping or message.content is iterable %}\n            {{- message.content | tojson }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|h|>assistant<|/h|>\\n\\n' }}\n{%- endif %}\n",
      "thoughts": "{%- set ns = namespace(multi=true, last=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi and message.role == \"user\" and message.content is string and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}\n        {%- set ns.multi = false %}\n        {%- set ns.last = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n    {%- if message.content is string %}\n        {%- set content = message.content %}\n    {%- else %}\n        {%- set content = '' %}\n    {%- endif %}\n    {%- set thought = '' %}\n    {%- if '</think>' in content %}\n        {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}\n        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n    {%- endif %}\n    {%- if loop.index0 > ns.last and (loop.last or thought) %}\n        {{- '[' + message.role + ']\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}\n    {%- else %}\n        {{- '[' + message.role + ']\\n' + content }}\n    {%- endif %}\n    {%- for tool_call in message.tool_calls or [] %}\n        {%- if (loop.first and content) or (not loop.first) %}\n            {{- '\\n' }}\n        {%- endif %}\n        {%- if tool_call.function %}\n            {%- set tool_call = tool_call.function %}\n        {%- endif %}\n        {{- '{\"name\": \"' ~ tool_call.name ~ '\", \"arguments\": ' }}\n        {%- if tool_call.arguments is string %}\n            {{- tool_call.arguments }}\n        {%- else %}\n            {{- tool_call.arguments | tojson }}\n        {%- endif %}\n        {{- '}' }}\n    {%- endfor %}\n    {{- '[end]\\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '[assistant]\\n' }}\n    {%- if enable_thinking is defined and enable_thinking is false %}\n        {{- '<think>\\n\\n</think>\\n\\n' }}\n    {%- endif %}\n{%- endif %}",
      "roles": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<turn>' + role + '\\n' + message['content'] | trim + '</turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<turn>model\\n'}}{% endif %}",
      "lines": "{% for message in messages %}\n  {% if message.role == 'user' %}\n<|user|>\n{{ message.content }}<|end|>\n  {% elif message.role == 'system' %}\n\n<|system|>\n    {{ message.content }}<|end|>\n  {% else %}\n<|assistant|>\n{% generation %}\n{{ message.content }}{{ '<|end|>' }}\n{% endgeneration %}\n  {% endif %}\n  {# a comment on its own line #}\n{% endfor %}\n   {%+ if add_generation_prompt +%}\n<|assistant|>\n{%- endif %}\n\n",
      "schema": "{%- macro kind(spec, required, level=0) -%}\n  {%- if spec.type == \"array\" -%}\n    {{- kind(spec['items'], required) + \"[]\" }}\n  {%- elif spec.type is iterable and spec.type is not string -%}\n    {{- spec.type | join(\" | \") }}\n  {%- elif spec.enum -%}\n    {{- '\"' + spec.enum|join('\" | \"') + '\"' }}\n  {%- elif spec.type == \"object\" -%}\n    {{- \"{\\n\" }}\n    {%- for name, part in spec.get('properties', {}).items() -%}\n      {{- \"  \" * (level + 1) + name }}\n      {%- if name not in (spec.required or []) %}{{ \"?\" }}{% endif -%}\n      {{- \": \" + kind(part, spec.required or [], level=level + 1) }}\n      {%- if not loop.last %}{{ \",\" }}{% endif %}{{ \"\\n\" }}\n    {%- endfor -%}\n    {{- \"  \" * level + \"}\" }}\n  {%- else -%}\n    {{- spec.type|default(\"any\", true) }}\n    {%- if spec.default is defined %} = {{ spec.default|tojson }}{% endif %}\n  {%- endif -%}\n{%- endmacro -%}\n{%- macro tools_of(tools) -%}\n  {%- for tool in tools -%}\n    {%- set tool = tool.function %}\n    {{- \"// \" + tool.description + \"\\n\" + tool.name + \"(_: \" + kind(tool.parameters, []) + \")\\n\" }}\n  {%- endfor %}\n{%- endmacro -%}\n{%- if tools %}{{ tools_of(tools) }}{% endif -%}\n{%- set found = messages | selectattr('role', 'equalto', 'system') | map(attribute='content') | list -%}\n{{ found | first | default('nothing') | upper }}|\n{%- for m in messages | rejectattr('role', 'equalto', 'system') if m.content %}\n{{ loop.index }}/{{ loop.length }} {{ loop.previtem.role if loop.previtem is defined else '-' }} {{ m.content | replace('\\n', ' ') | trim }}\n{%- if loop.index >= 2 %}{% break %}{% endif %}\n{%- else %}nobody{% endfor %}"
     },
     "conversations": {
      "question": {
       "messages": [
        {
         "role": "user",
         "content": "Who are you?"
        }
       ]
      },
      "system": {
       "messages": [
        {
         "role": "system",
         "content": " Be brief.\n"
        },
        {
         "role": "user",
         "content": "  Two lines\nof text \n"
        }
       ]
      },
      "turns": {
       "messages": [
        {
         "role": "system",
         "content": "You are kind."
        },
        {
         "role": "user",
         "content": "Hi"
        },
        {
         "role": "assistant",
         "content": "Hello {{ 1 }} <b>"
        },
        {
         "role": "user",
         "content": "日本語 😀"
        }
       ]
      },
      "turns without system": {
       "messages": [
        {
         "role": "user",
         "content": "Hi"
        },
        {
         "role": "assistant",
         "content": " Hello "
        },
        {
         "role": "user",
         "content": "And now?"
        }
       ]
      },
      "thoughts": {
       "messages": [
        {
         "role": "user",
         "content": "2+2"
        },
        {
         "role": "assistant",
         "content": "<think>\nhard\n</think>\n\n4"
        },
        {
         "role": "user",
         "content": "3+3"
        }
       ]
      },
      "no thinking": {
       "messages": [
        {
         "role": "user",
         "content": "/no_think Why?"
        }
       ],
       "enable_thinking": false
      },
      "no prompt": {
       "messages": [
        {
         "role": "user",
         "content": "Hi"
        },
        {
         "role": "assistant",
         "content": "Hello"
        }
       ],
       "add_generation_prompt": false
      },
      "wrong order": {
       "messages": [
        {
         "role": "assistant",
         "content": "Hello"
        },
        {
         "role": "user",
         "content": "Hi"
        },
        {
         "role": "user",
         "content": "Hi"
        }
       ]
      },
      "nothing": {
       "messages": []
      },
      "tools": {
       "messages": [
        {
         "role": "system",
         "content": "Act."
        },
        {
         "role": "user",
         "content": "Weather?"
        }
       ],
       "tools": [
        {
         "type": "function",
         "function": {
          "name": "weather",
          "description": "The weather <today> & \"now\" in a place.",
          "parameters": {
           "type": "object",
           "properties": {
            "place": {
             "type": "string",
             "description": "A town: Zürich"
            },
            "days": {
             "type": "integer",
             "default": 1
            },
            "units": {
             "type": "string",
             "enum": [
              "C",
              "F"
             ]
            },
            "tags": {
             "type": "array",
             "items": {
              "type": "string"
             }
            }
           },
           "required": [
            "place"
           ]
          }
         }
        }
       ]
      },
      "tool call": {
       "messages": [
        {
         "role": "user",
         "content": "Weather?"
        },
        {
         "role": "assistant",
         "content": "",
         "tool_calls": [
          {
           "id": "call00001",
           "type": "function",
           "function": {
            "name": "weather",
            "arguments": {
             "place": "Bern",
             "days": 2,
             "deep": [
              1.5,
              null,
              true
             ]
            }
           }
          }
         ]
        },
        {
         "role": "tool",
         "name": "weather",
         "tool_call_id": "call00001",
         "content": "{\"sun\": true}"
        }
       ],
       "tools": [
        {
         "type": "function",
         "function": {
          "name": "weather",
          "description": "The weather <today> & \"now\" in a place.",
          "parameters": {
           "type": "object",
           "properties": {
            "place": {
             "type": "string",
             "description": "A town: Zürich"
            },
            "days": {
             "type": "integer",
             "default": 1
            },
            "units": {
             "type": "string",
             "enum": [
              "C",
              "F"
             ]
            },
            "tags": {
             "type": "array",
             "items": {
              "type": "string"
             }
            }
           },
           "required": [
            "place"
           ]
          }
         }
        }
       ]
      }
     },
     "standard": {
      "tools": null,
      "documents": null,
      "add_generation_prompt": true,
      "bos_token": "<s>",
      "eos_token": "</s>",
      "pad_token": "<pad>",
      "unk_token": "<unk>"
     },
     "cases": [
      {
       "name": "brackets",
       "conversation": "question",
       "expected": "<s>[I] Who are you? [/I]"
      },
      {
       "name": "brackets",
       "conversation": "system",
       "expected": "<s>[I] <<S>>\n Be brief.\n\n<</S>>\n\n  Two lines\nof text [/I]"
      },
      {
       "name": "brackets",
       "conversation": "turns",
       "expected": "<s>[I] <<S>>\nYou are kind.\n<</S>>\n\nHi [/I] Hello {{ 1 }} <b> </s><s>[I] 日本語 😀 [/I]"
      },
      {
       "name": "brackets",
       "conversation": "turns without system",
       "expected": "<s>[I] Hi [/I] Hello </s><s>[I] And now? [/I]"
      },
      {
       "name": "brackets",
       "conversation": "thoughts",
       "expected": "<s>[I] 2+2 [/I] <think>\nhard\n</think>\n\n4 </s><s>[I] 3+3 [/I]"
      },
      {
       "name": "brackets",
       "conversation": "no thinking",
       "expected": "<s>[I] /no_think Why? [/I]"
      },
      {
       "name": "brackets",
       "conversation": "no prompt",
       "expected": "<s>[I] Hi [/I] Hello </s>"
      },
      {
       "name": "brackets",
       "conversation": "wrong order",
       "error": "TemplateError: user and assistant take turns"
      },
      {
       "name": "brackets",
       "conversation": "nothing",
       "error": "UndefinedError: list object has no element 0"
      },
      {
       "name": "brackets",
       "conversation": "tools",
       "expected": "<s>[I] <<S>>\nAct.\n<</S>>\n\nWeather? [/I]"
      },
      {
       "name": "brackets",
       "conversation": "tool call",
       "error": "TemplateError: user and assistant take turns"
      },
      {
       "name": "headers",
       "conversation": "question",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>user<|/h|>\n\nWho are you?<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "system",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\nBe brief.<|eot|><|h|>user<|/h|>\n\nTwo lines\nof text<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "turns",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\nYou are kind.<|eot|><|h|>user<|/h|>\n\nHi<|eot|><|h|>assistant<|/h|>\n\nHello {{ 1 }} <b><|eot|><|h|>user<|/h|>\n\n日本語 😀<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "turns without system",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>user<|/h|>\n\nHi<|eot|><|h|>assistant<|/h|>\n\nHello<|eot|><|h|>user<|/h|>\n\nAnd now?<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "thoughts",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>user<|/h|>\n\n2+2<|eot|><|h|>assistant<|/h|>\n\n<think>\nhard\n</think>\n\n4<|eot|><|h|>user<|/h|>\n\n3+3<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "no thinking",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>user<|/h|>\n\n/no_think Why?<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "no prompt",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>user<|/h|>\n\nHi<|eot|><|h|>assistant<|/h|>\n\nHello<|eot|>"
      },
      {
       "name": "headers",
       "conversation": "wrong order",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>assistant<|/h|>\n\nHello<|eot|><|h|>user<|/h|>\n\nHi<|eot|><|h|>user<|/h|>\n\nHi<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "nothing",
       "expected": "<s><|h|>system<|/h|>\n\nToday: 05 Mar 2026\n\n<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "tools",
       "expected": "<s><|h|>system<|/h|>\n\nTools: on\nToday: 05 Mar 2026\n\nAct.<|eot|>{\n    \"type\": \"function\",\n    \"function\": {\n        \"name\": \"weather\",\n        \"description\": \"The weather <today> & \\\"now\\\" in a place.\",\n        \"parameters\": {\n            \"type\": \"object\",\n            \"properties\": {\n                \"place\": {\n                    \"type\": \"string\",\n                    \"description\": \"A town: Zürich\"\n                },\n                \"days\": {\n                    \"type\": \"integer\",\n                    \"default\": 1\n                },\n                \"units\": {\n                    \"type\": \"string\",\n                    \"enum\": [\n                        \"C\",\n                        \"F\"\n                    ]\n                },\n                \"tags\": {\n                    \"type\": \"array\",\n                    \"items\": {\n                        \"type\": \"string\"\n                    }\n                }\n            },\n            \"required\": [\n                \"place\"\n            ]\n        }\n    }\n}\n\n<|h|>user<|/h|>\n\nWeather?<|eot|><|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "headers",
       "conversation": "tool call",
       "expected": "<s><|h|>system<|/h|>\n\nTools: on\nToday: 05 Mar 2026\n\n<|eot|>{\n    \"type\": \"function\",\n    \"function\": {\n        \"name\": \"weather\",\n        \"description\": \"The weather <today> & \\\"now\\\" in a place.\",\n        \"parameters\": {\n            \"type\": \"object\",\n            \"properties\": {\n                \"place\": {\n                    \"type\": \"string\",\n                    \"description\": \"A town: Zürich\"\n                },\n                \"days\": {\n                    \"type\": \"integer\",\n                    \"default\": 1\n                },\n                \"units\": {\n                    \"type\": \"string\",\n                    \"enum\": [\n                        \"C\",\n                        \"F\"\n                    ]\n                },\n                \"tags\": {\n                    \"type\": \"array\",\n                    \"items\": {\n                        \"type\": \"string\"\n                    }\n                }\n            },\n            \"required\": [\n                \"place\"\n            ]\n        }\n    }\n}\n\n<|h|>user<|/h|>\n\nWeather?<|eot|>weather(place=\"Bern\", days=2, deep=[1.5, null, true])\"{\\\"sun\\\": true}\"<|h|>assistant<|/h|>\n\n"
      },
      {
       "name": "thoughts",
       "conversation": "question",
       "expected": "[user]\nWho are you?[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "system",
       "expected": "[system]\n Be brief.\n[end]\n[user]\n  Two lines\nof text \n[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "turns",
       "expected": "[system]\nYou are kind.[end]\n[user]\nHi[end]\n[assistant]\nHello {{ 1 }} <b>[end]\n[user]\n日本語 😀[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "turns without system",
       "expected": "[user]\nHi[end]\n[assistant]\n Hello [end]\n[user]\nAnd now?[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "thoughts",
       "expected": "[user]\n2+2[end]\n[assistant]\n4[end]\n[user]\n3+3[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "no thinking",
       "expected": "[user]\n/no_think Why?[end]\n[assistant]\n<think>\n\n</think>\n\n"
      },
      {
       "name": "thoughts",
       "conversation": "no prompt",
       "expected": "[user]\nHi[end]\n[assistant]\n<think>\n\n</think>\n\nHello[end]\n"
      },
      {
       "name": "thoughts",
       "conversation": "wrong order",
       "expected": "[assistant]\nHello[end]\n[user]\nHi[end]\n[user]\nHi[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "nothing",
       "expected": "[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "tools",
       "expected": "[system]\nAct.[end]\n[user]\nWeather?[end]\n[assistant]\n"
      },
      {
       "name": "thoughts",
       "conversation": "tool call",
       "expected": "[user]\nWeather?[end]\n[assistant]\n{\"name\": \"weather\", \"arguments\": {\"place\": \"Bern\", \"days\": 2, \"deep\": [1.5, null, true]}}[end]\n[tool]\n<think>\n\n</think>\n\n{\"sun\": true}[end]\n[assistant]\n"
      },
      {
       "name": "roles",
       "conversation": "question",
       "expected": "<s><turn>user\nWho are you?</turn>\n<turn>model\n"
      },
      {
       "name": "roles",
       "conversation": "system",
       "error": "TemplateError: no system here"
      },
      {
       "name": "roles",
       "conversation": "turns",
       "error": "TemplateError: no system here"
      },
      {
       "name": "roles",
       "conversation": "turns without system",
       "expected": "<s><turn>user\nHi</turn>\n<turn>model\nHello</turn>\n<turn>user\nAnd now?</turn>\n<turn>model\n"
      },
      {
       "name": "roles",
       "conversation": "thoughts",
       "expected": "<s><turn>user\n2+2</turn>\n<turn>model\n<think>\nhard\n</think>\n\n4</turn>\n<turn>user\n3+3</turn>\n<turn>model\n"
      },
      {
       "name": "roles",
       "conversation": "no thinking",
       "expected": "<s><turn>user\n/no_think Why?</turn>\n<turn>model\n"
      },
      {
       "name": "roles",
       "conversation": "no prompt",
       "expected": "<s><turn>user\nHi</turn>\n<turn>model\nHello</turn>\n"
      },
      {
       "name": "roles",
       "conversation": "wrong order",
       "expected": "<s><turn>model\nHello</turn>\n<turn>user\nHi</turn>\n<turn>user\nHi</turn>\n<turn>model\n"
      },
      {
       "name": "roles",
       "conversation": "nothing",
       "error": "UndefinedError: list object has no element 0"
      },
      {
       "name": "roles",
       "conversation": "tools",
       "error": "TemplateError: no system here"
      },
      {
       "name": "roles",
       "conversation": "tool call",
       "expected": "<s><turn>user\nWeather?</turn>\n<turn>model\n</turn>\n<turn>tool\n{\"sun\": true}</turn>\n<turn>model\n"
      },
      {
       "name": "lines",
       "conversation": "question",
       "expected": "<|user|>\nWho are you?<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "system",
       "expected": "\n<|system|>\n     Be brief.\n<|end|>\n<|user|>\n  Two lines\nof text \n<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "turns",
       "expected": "\n<|system|>\n    You are kind.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello {{ 1 }} <b><|end|>\n<|user|>\n日本語 😀<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "turns without system",
       "expected": "<|user|>\nHi<|end|>\n<|assistant|>\n Hello <|end|>\n<|user|>\nAnd now?<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "thoughts",
       "expected": "<|user|>\n2+2<|end|>\n<|assistant|>\n<think>\nhard\n</think>\n\n4<|end|>\n<|user|>\n3+3<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "no thinking",
       "expected": "<|user|>\n/no_think Why?<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "no prompt",
       "expected": "<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n   "
      },
      {
       "name": "lines",
       "conversation": "wrong order",
       "expected": "<|assistant|>\nHello<|end|>\n<|user|>\nHi<|end|>\n<|user|>\nHi<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "nothing",
       "expected": "   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "tools",
       "expected": "\n<|system|>\n    Act.<|end|>\n<|user|>\nWeather?<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "lines",
       "conversation": "tool call",
       "expected": "<|user|>\nWeather?<|end|>\n<|assistant|>\n<|end|>\n<|assistant|>\n{\"sun\": true}<|end|>\n   \n<|assistant|>"
      },
      {
       "name": "schema",
       "conversation": "question",
       "expected": "NOTHING|1/1 - Who are you?"
      },
      {
       "name": "schema",
       "conversation": "system",
       "expected": " BE BRIEF.\n|1/1 - Two lines of text"
      },
      {
       "name": "schema",
       "conversation": "turns",
       "expected": "YOU ARE KIND.|1/3 - Hi2/3 user Hello {{ 1 }} <b>"
      },
      {
       "name": "schema",
       "conversation": "turns without system",
       "expected": "NOTHING|1/3 - Hi2/3 user Hello"
      },
      {
       "name": "schema",
       "conversation": "thoughts",
       "expected": "NOTHING|1/3 - 2+22/3 user <think> hard </think>  4"
      },
      {
       "name": "schema",
       "conversation": "no thinking",
       "expected": "NOTHING|1/1 - /no_think Why?"
      },
      {
       "name": "schema",
       "conversation": "no prompt",
       "expected": "NOTHING|1/2 - Hi2/2 user Hello"
      },
      {
       "name": "schema",
       "conversation": "wrong order",
       "expected": "NOTHING|1/3 - Hello2/3 assistant Hi"
      },
      {
       "name": "schema",
       "conversation": "nothing",
       "expected": "NOTHING|nobody"
      },
      {
       "name": "schema",
       "conversation": "tools",
       "expected": "// The weather <today> & \"now\" in a place.\nweather(_: {\n  place: string,\n  days?: integer = 1,\n  units?: \"C\" | \"F\",\n  tags?: string[]\n})\nACT.|1/1 - Weather?"
      },
      {
       "name": "schema",
       "conversation": "tool call",
       "expected": "// The weather <today> & \"now\" in a place.\nweather(_: {\n  place: string,\n  days?: integer = 1,\n  units?: \"C\" | \"F\",\n  tags?: string[]\n})\nNOTHING|1/2 - Weather?2/2 user {\"sun\": true}"
      }
     ],
     "snippets": [
      {
       "name": "{{ 1 }} {{ 1.0 }} {{ -2.5e-7 }} {{ 1e16 }} {{ 123456789.125 }} {{ 1e15 }} {{ 0.0001 }} {{ 1e22 }}",
       "expected": "1 1.0 -2.5e-07 1e+16 123456789.125 1000000000000000.0 0.0001 1e+22"
      },
      {
       "name": "{{ true }} {{ False }} {{ none }} {{ nothing }}|{{ 'a' 'b' }}",
       "expected": "True False None |ab"
      },
      {
       "name": "{{ [1, 'a', \"it's\", none, [true]] }} {{ (1,) }} {{ (1, 2) }} {{ () }} {{ {'a': 1, 'b': [2.5]} }}",
       "expected": "[1, 'a', \"it's\", None, [True]] (1,) (1, 2) () {'a': 1, 'b': [2.5]}"
      },
      {
       "name": "{{ ['\\n\\t\\\\', '\\u00e9', \"'\\\"\", '\\x00'] }}",
       "expected": "['\\n\\t\\\\', 'é', '\\'\"', '\\x00']"
      },
      {
       "name": "{{ '\\x41\\u00df\\101\\q\\'' }} {{ 0x1f }} {{ 1_000 }} {{ 0b11 }} {{ 0o17 }}",
       "expected": "AßA\\q' 31 1000 3 15"
      },
      {
       "name": "{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }}",
       "expected": "7 9 3 -4 1 2 3.5 1024"
      },
      {
       "name": "{{ 1 ~ 2 + 3 }}|{{ 'a' ~ 1 ~ none ~ true ~ missing }}",
       "error": "TypeError: can only concatenate str (not \"int\") to str"
      },
      {
       "name": "{{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' == 1 }}",
       "expected": "True False True True True True False"
      },
      {
       "name": "{{ not false and true }} {{ 0 or 'x' }} {{ '' and 'x' }} {{ not not 1 }} {{ 1 if 0 else 2 }} {{ 1 if 0 }}|",
       "expected": "True x  True 2 |"
      },
      {
       "name": "{{ 'a' if x is defined else 'b' if y is defined else 'c' }}",
       "expected": "c"
      },
      {
       "name": "{{ 'b' in 'abc' }} {{ 2 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 'z' not in 'abc' }} {{ 1 in [true] }}",
       "expected": "True True True True True"
      },
      {
       "name": "{{ 'ab' * 3 }} {{ [1] * 2 }} {{ [1] + [2] }} {{ 'a' + 'b' * 2 }} {{ -1 | string + '!' }}",
       "expected": "ababab [1, 1] [1, 2] abb -1!"
      },
      {
       "name": "{{ 1 == 1 | string }} {{ 3 - -2 }} {{ - (2) }} {{ +3 }} {{ 1 - 2 - 3 }} {{ 2 ** 3 ** 2 }}",
       "expected": "False 5 -2 3 -4 64"
      },
      {
       "name": "{{ 7 // 2.0 }} {{ -7 % 2.5 }} {{ 1.5 + 1 }} {{ true + 1 }} {{ 10 % -3 }}",
       "expected": "3.0 0.5 2.5 2 -2"
      },
      {
       "name": "{% set d = {'a': 1, 'items': 2, 'b c': 3} %}{{ d.a }} {{ d['items'] }} {{ d['b c'] }} {{ d.z }}|{{ d['z'] is defined }}",
       "expected": "1 2 3 |False"
      },
      {
       "name": "{{ 'héllo'[1] }} {{ 'abc'[-1] }} {{ [1, 2, 3][-1] }} {{ [1][5] }}|{{ 'abc'[9] }}|{{ [[1, 2], [3]][0].1 }}",
       "expected": "é c 3 ||2"
      },
      {
       "name": "{{ 'abcdef'[1:4] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[-3:] }} {{ 'abcdef'[:-2] }} {{ 'abcdef'[::2] }} {{ 'abc'[5:] }}|",
       "expected": "bcd fedcba def abcd ace |"
      },
      {
       "name": "{{ [1, 2, 3, 4][1:] }} {{ [1, 2, 3][::-1] }} {{ [1, 2, 3][3:0:-2] }} {{ [][:1] }} {{ (1, 2, 3)[:2] }} {{ [1, 2][-9:9] }}",
       "expected": "[2, 3, 4] [3, 2, 1] [3] [] (1, 2) [1, 2]"
      },
      {
       "name": "{{ none.x is defined }} {{ 'a'.x is defined }} {{ missing is defined }} {{ 5 .x is defined }}",
       "expected": "False False False False"
      },
      {
       "name": "{{ ' x '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ ' x '.lstrip() }}|{{ ' x '.rstrip() }}|{{ 'abcba'.strip('ab') }}|",
       "expected": "x|a|x | x|c|"
      },
      {
       "name": "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.split(none, 1) }} {{ 'abab'.split('ba') }}",
       "expected": "['a', 'b', '', 'c'] ['a', 'b'] ['a', 'b,c'] ['a,b', 'c'] ['a', 'b  c '] ['a', 'b']"
      },
      {
       "name": "{{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'Hello World'.upper().lower().title() }} {{ 'hELLO wORLD'.capitalize() }}",
       "expected": "['a', 'b', 'c'] Hello World Hello world"
      },
      {
       "name": "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ 'héc'.find('c') }} {{ 'aXbXc'.replace('X', '-', 1) }} {{ 'abab'.count('ab') }} {{ 'abab'.rfind('ab') }}",
       "expected": "True True 2 2 a-bXc 2 2"
      },
      {
       "name": "{{ ', '.join(['a', 'b']) }} {{ 'abc'.removeprefix('a').removesuffix('c') }} {{ 'ab'.replace('', '-') }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'aB'.isalpha() }} {{ 'ßA'.lower() }}",
       "expected": "a, b b -a-b- True False True ßa"
      },
      {
       "name": "{{ \"it's o'neill-smith\".title() }} {{ \"it's o'neill-smith (x)\" | title }}",
       "expected": "It'S O'Neill-Smith It's O'neill-Smith (X)"
      },
      {
       "name": "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 3) }}",
       "expected": "a=1;b=2;['a'] [1] None 3"
      },
      {
       "name": "{{ dict(a=1, b=2) }} {{ {'a': 1, 'a': 2} }} {{ {'a': 1} == {'a': 1.0} }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}",
       "expected": "{'a': 1, 'b': 2} {'a': 2} True True"
      },
      {
       "name": "{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}",
       "expected": "1032TrueFalse3 2121FalseFalse3 3210FalseTrue3 "
      },
      {
       "name": "{% for x in [] %}a{% else %}b{% endfor %}{% for x in missing %}a{% else %}c{% endfor %}",
       "expected": "bc"
      },
      {
       "name": "{% for x in [1, 2, 3, 4] if x % 2 == 0 %}{{ loop.index }}:{{ x }} {% endfor %}{% for x in 'añb' %}{{ x }}.{% endfor %}{% for k in {'p': 1, 'q': 2} %}{{ k }}{% endfor %}",
       "expected": "1:2 2:4 a.ñ.b.pq"
      },
      {
       "name": "{% for x in range(5) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
       "expected": "023"
      },
      {
       "name": "{% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for (a, b) in [[5, 6]] %}{{ a + b }}{% endfor %}",
       "expected": "1-2 3-4 11"
      },
      {
       "name": "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
       "expected": "2 3 1"
      },
      {
       "name": "{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }} {{ ns.y is defined }}",
       "expected": "4 False"
      },
      {
       "name": "{% for i in [1, 2] %}{% set outer = loop %}{% for j in [1, 2] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
       "expected": "11 12 21 22 "
      },
      {
       "name": "{% for i in range(3, 0, -1) %}{{ i }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }} {% endfor %}{{ range(3) | list }}",
       "expected": "32a 21b 1a [0, 1, 2]"
      },
      {
       "name": "{% for i in [1, 1, 2] %}{{ loop.changed(i) }} {% endfor %}",
       "expected": "True False True "
      },
      {
       "name": "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}{% if true %}{% set a = 9 %}{% endif %}{{ a }}",
       "expected": "12(1, 2)9"
      },
      {
       "name": "{% set t %}a {{ 1 + 1 }}\n{% endset %}[{{ t }}]{% set u | trim | upper %} b {% endset %}[{{ u }}]",
       "expected": "[a 2\n][B]"
      },
      {
       "name": "{% macro m(a, b='x', c=none) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 2) }} {{ m(1, c=3) }} {{ m() }}|{{ m(1) is string }}",
       "expected": "1xNone 12None 1x3 xNone|True"
      },
      {
       "name": "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) | upper }}",
       "expected": "3210"
      },
      {
       "name": "{% set g = 'global' %}{% macro m() %}{{ g }}{% set g = 'local' %}{{ g }}{% endmacro %}{{ m() }}{{ g }}",
       "expected": "globallocalglobal"
      },
      {
       "name": "{{ ' a ' | trim }}|{{ 'xax' | trim('x') }}|{{ 5 | trim }}|{{ none | trim }}|{{ missing | trim }}|{{ 'abc' | length }} {{ [1] | count }} {{ {'a': 1} | length }} {{ missing | length }} {{ 'é😀' | length }}",
       "expected": "a|a|5|None||3 1 1 0 2"
      },
      {
       "name": "{{ missing | default('d') }} {{ '' | default('d') }}|{{ '' | default('d', true) }} {{ none | d('e') }} {{ none | default('e', boolean=true) }} {{ 1 | default(2) }}",
       "expected": "d |d None e 1"
      },
      {
       "name": "{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(case_sensitive=true) }} {{ [1, 2] | sort(reverse=true) }} {{ [{'a': 2}, {'a': 1}] | sort(attribute='a') }}",
       "expected": "[1, 2, 3] ['A', 'b', 'c'] ['A', 'b'] [2, 1] [{'a': 1}, {'a': 2}]"
      },
      {
       "name": "{{ [1, 2, 1] | unique | list }} {{ ['a', 'A', 'b'] | unique | list }} {{ [1, 2] | reverse | list }} {{ 'abc' | reverse }} {{ [1, 2] | first }} {{ [1, 2] | last }} {{ 'xyz' | last }} {{ [] | first }}|",
       "expected": "[1, 2] ['a', 'b'] [2, 1] cba 1 2 z |"
      },
      {
       "name": "{{ ['a', 'b'] | map('upper') | list }} {{ [{'a': {'b': 1}}, {'a': {'b': 2}}] | map(attribute='a.b') | list }} {{ [{'a': 1}, {}] | map(attribute='a', default=0) | list }} {{ [' a '] | map('trim') | join }}",
       "expected": "['A', 'B'] [1, 2] [1, 0] a"
      },
      {
       "name": "{{ [1, 0, 2] | select | list }} {{ [1, 2, 3] | select('odd') | list }} {{ [1, 2, 3] | reject('gt', 1) | list }} {{ [{'r': 'a', 'n': 1}, {'r': 'b', 'n': 2}] | selectattr('r', 'equalto', 'a') | map(attribute='n') | list }} {{ [{'r': 1}, {}] | rejectattr('r', 'defined') | list }} {{ [{'r': 1}, {'r': 0}] | selectattr('r') | list }}",
       "expected": "[1, 2] [1, 3] [1] [1] [{}] [{'r': 1}]"
      },
      {
       "name": "{{ [1, 'a', none] | join('-') }} {{ [] | join(',') }}|{{ 'abc' | join('.') }} {{ [{'a': 1}] | join(', ', attribute='a') }}",
       "expected": "1-a-None |a.b.c 1"
      },
      {
       "name": "{{ '3' | int }} {{ ' 4 ' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ '3.9' | int }} {{ 3.9 | int }} {{ -3.9 | int }} {{ true | int }} {{ '2.5' | float }} {{ 'x' | float }} {{ none | int }}",
       "expected": "3 4 0 7 3 3 -3 1 2.5 0.0 0"
      },
      {
       "name": "{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(1, blank=true) }}|{{ 'hELLO' | capitalize }} {{ 'foo BAR-baz' | title }} {{ 'aXb' | replace('X', 1) }} {{ 12 | string | length }}",
       "expected": "a\n    b\n\n    c|  a\n  b|a\n \n b|Hello Foo Bar-Baz a1b 2"
      },
      {
       "name": "{{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'a': 1} | items | list }} {{ missing | items | list }} {{ {'a': 1} | list }} {{ 'ab' | list }}",
       "expected": "[('A', 2), ('b', 1)] [('b', 1), ('a', 2)] [('a', 1)] [] ['a'] ['a', 'b']"
      },
      {
       "name": "{{ {'a': [1, 2.5, none, true, 'é\"\\n<&>']} | tojson }} {{ 'é😀\\x7f' | tojson(ensure_ascii=true) }} {{ [] | tojson(indent=2) }} {{ {} | tojson }} {{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }} {{ '\\b\\f\\x01/' | tojson }}",
       "expected": "{\"a\": [1, 2.5, null, true, \"é\\\"\\n<&>\"]} \"\\u00e9\\ud83d\\ude00\\u007f\" [] {} {\"a\":2,\"b\":1} \"\\b\\f\\u0001/\""
      },
      {
       "name": "{{ {'a': [1, {'b': []}], 'c': {}} | tojson(indent=4) }} {{ (1, 2) | tojson }} {{ [1] | tojson(indent='\t') }} {{ [1] | tojson(indent=0) }}",
       "expected": "{\n    \"a\": [\n        1,\n        {\n            \"b\": []\n        }\n    ],\n    \"c\": {}\n} [1, 2] [\n\t1\n] [\n1\n]"
      },
      {
       "name": "{{ 1 is number }}{{ true is number }}{{ 1.0 is number }}{{ '1' is number }}{{ 1 is integer }}{{ true is integer }}{{ 1.0 is float }}{{ true is boolean }}{{ 1 is boolean }}",
       "expected": "TrueTrueTrueFalseTrueFalseTrueTrueFalse"
      },
      {
       "name": "{{ 'a' is string }}{{ [] is sequence }}{{ 'a' is sequence }}{{ {} is sequence }}{{ 1 is sequence }}{{ [] is iterable }}{{ 1 is iterable }}{{ 'a' is iterable }}{{ missing is iterable }}{{ {} is mapping }}{{ [] is mapping }}",
       "expected": "TrueTrueTrueTrueFalseTrueFalseTrueTrueTrueFalse"
      },
      {
       "name": "{{ none is none }}{{ missing is none }}{{ missing is undefined }}{{ none is defined }}{{ true is true }}{{ 1 is true }}{{ false is false }}{{ missing is false }}",
       "expected": "TrueFalseTrueTrueTrueFalseTrueFalse"
      },
      {
       "name": "{{ 3 is odd }}{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ 'a' is in 'abc' }}{{ 1 is eq 1 }}{{ 2 is gt 1 }}{{ 'a' is ne('b') }}{{ 'abc' is lower }}{{ 'ABC' is upper }}{{ 'a' is not string }}{{ none is sameas none }}",
       "expected": "TrueTrueTrueTrueTrueTrueTrueTrueTrueFalseTrue"
      },
      {
       "name": "{{ not missing is defined }} {{ 1 + 1 is number }} {{ 'x' is string and 1 is string }} {{ raise_exception is callable }}",
       "expected": "True 2 False True"
      },
      {
       "name": "a\n  {% if true %}  \n  b\n  {% endif %}\nc\n",
       "expected": "a\n  \n  b\nc"
      },
      {
       "name": "a \n{%- if true -%} \n b \n {%- endif -%}\n c",
       "expected": "abc"
      },
      {
       "name": "  {{ 1 }}  \n  {{- 2 -}}  \n 3",
       "expected": "  123"
      },
      {
       "name": "x {# c #} y\n  {# c #}\nz {#- c -#} w",
       "expected": "x  y\nzw"
      },
      {
       "name": "{% raw %}{{ a }} {% b %}{% endraw %} {%- raw -%} c {% endraw -%} d",
       "expected": "{{ a }} {% b %}c d"
      },
      {
       "name": "  {%+ if true %}a{% endif +%}\nb",
       "expected": "  a\nb"
      },
      {
       "name": "{% if true %}\n\na\n{% endif %}\r\nb\rc",
       "expected": "\na\nb\nc"
      },
      {
       "name": "a{% if true %} b {% endif %} c\n\n",
       "expected": "a b  c\n"
      },
      {
       "name": "\t {% set x = 1 %}\t\n{{ x }}\n",
       "expected": "\t\n1"
      },
      {
       "name": "{{ '{{ x }} {% y %}' }}{{ {'a': {'b': 1}}['a'] }}{{ {'a': {}} }}",
       "expected": "{{ x }} {% y %}{'b': 1}{'a': {}}"
      },
      {
       "name": "{{ strftime_now('%Y-%m-%d %H:%M:%S %B %b %A %a %j %y %I %p %%') }}",
       "expected": "2026-03-05 14:07:09 March Mar Thursday Thu 064 26 02 PM %"
      },
      {
       "name": "{{ missing.x }}",
       "error": "UndefinedError: 'missing' is undefined"
      },
      {
       "name": "{{ missing + 1 }}",
       "error": "UndefinedError: 'missing' is undefined"
      },
      {
       "name": "{{ 1 + 'a' }}",
       "error": "TypeError: unsupported operand type(s) for +: 'int' and 'str'"
      },
      {
       "name": "{{ raise_exception('so') }}",
       "error": "TemplateError: so"
      },
      {
       "name": "{{ [1] < 1 }}",
       "error": "TypeError: '<' not supported between instances of 'list' and 'int'"
      },
      {
       "name": "{{ 1 / 0 }}",
       "error": "ZeroDivisionError: division by zero"
      },
      {
       "name": "{{ missing() }}",
       "error": "UndefinedError: 'missing' is undefined"
      },
      {
       "name": "{{ 1 in 1 }}",
       "error": "TypeError: argument of type 'int' is not iterable"
      },
      {
       "name": "{{ {'a': 1}.pop('a') }}",
       "error": "SecurityError: access to attribute 'pop' of 'dict' object is unsafe."
      },
      {
       "name": "{{ [1].append(2) }}",
       "error": "SecurityError: access to attribute 'append' of 'list' object is unsafe."
      },
      {
       "name": "{{ missing | tojson }}",
       "error": "TypeError: Object of type Undefined is not JSON serializable"
      },
      {
       "name": "{{ 5 | length }}",
       "error": "TypeError: object of type 'int' has no len()"
      },
      {
       "name": "{% if %}",
       "error": "TemplateSyntaxError: Expected an expression, got 'end of statement block'"
      },
      {
       "name": "{{ 1 + }}",
       "error": "TemplateSyntaxError: unexpected 'end of print statement'"
      },
      {
       "name": "{% for x in %}{% endfor %}",
       "error": "TemplateSyntaxError: Expected an expression, got 'end of statement block'"
      },
      {
       "name": "{% endif %}",
       "error": "TemplateSyntaxError: Encountered unknown tag 'endif'."
      },
      {
       "name": "{{ 'a }}",
       "error": "TemplateSyntaxError: unexpected char \"'\" at 3"
      },
      {
       "name": "{% if true %}",
       "error": "TemplateSyntaxError: Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'."
      },
      {
       "name": "{{ (1 }}",
       "error": "TemplateSyntaxError: unexpected '}', expected ')'"
      },
      {
       "name": "{{ 1 2 }}",
       "error": "TemplateSyntaxError: expected token 'end of print statement', got 'integer'"
      },
      {
       "name": "{% set x.y = 1 %}",
       "error": "TemplateRuntimeError: cannot assign attribute on non-namespace object"
      },
      {
       "name": "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
       "error": "TypeError: macro 'm' takes not more than 1 argument(s)"
      },
      {
       "name": "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}",
       "error": "TypeError: macro 'm' takes no keyword argument 'b'"
      },
      {
       "name": "{% for a, b in [[1]] %}{% endfor %}",
       "error": "ValueError: not enough values to unpack (expected 2, got 1)"
      },
      {
       "name": "{{ {}[1:] }}",
       "expected": ""
      },
      {
       "name": "{{ 'a'.split('') }}",
       "error": "ValueError: empty separator"
      },
      {
       "name": "{% break %}",
       "error": "SyntaxError: 'break' outside loop (<template>, line 11)"
      }
     ]
    }
    """##
}
