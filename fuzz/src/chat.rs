//! Chat templates.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use edgegen::import::chat::reduce;
use edgegen::import::tokenizer::llama2c::from_llama2c;
use edgegen::model::{ChatPiece, Tokenizer};

use crate::common::llama2c;
use crate::import::VOCAB;
use crate::input::{Input, assert_helpful};

/// A chat template reduces to text around the messages, or is refused with a remedy.
pub fn chat_template(data: &[u8]) {
    static TOKENIZER: LazyLock<Tokenizer> =
        LazyLock::new(|| from_llama2c(&llama2c::tokenizer(VOCAB), VOCAB).expect("a tokenizer"));
    let template = match Input::new(data) {
        Input::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Input::Recipe(_, u) => recipe(u).unwrap_or_default(),
    };
    match reduce(&template, &TOKENIZER) {
        Err(error) => assert_helpful(&error),
        Ok(chat) => {
            let user =
                |piece: &ChatPiece| matches!(piece, ChatPiece::User | ChatPiece::UserTrimmed);
            assert!(chat.without_system.iter().any(user));
            let with_default = chat.with_default_system(" s\t");
            assert_eq!(with_default.is_some(), chat.with_system.is_some());
            if let Some(with_default) = with_default {
                assert_eq!(with_default.with_system, chat.with_system);
                let system =
                    |p: &ChatPiece| matches!(p, ChatPiece::System | ChatPiece::SystemTrimmed);
                assert!(!with_default.without_system.iter().any(system));
            }
        }
    }
}

/// A template as models have it.
pub fn files() -> Vec<Vec<u8>> {
    let chatml = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' \
        + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    let turns = "{{ bos_token }}{% if messages[0].role == 'system' %}{{ messages[0].content | trim }}\
        {% set messages = messages[1:] %}{% endif %}{% for m in messages %}\
        {% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}";
    [chatml, turns].map(|text| text.as_bytes().to_vec()).into()
}

/// Parts of templates in the wild, and what costs time or memory.
const PARTS: [&str; 40] = [
    "{% for message in messages %}",
    "{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}",
    "{% endfor %}",
    "{{ message['role'] }}",
    "{{ message.content | trim }}",
    "{{- message['content'] -}}",
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n",
    "{% if message.role == 'system' %}",
    "{% if messages[0]['role'] == 'system' %}",
    "{% elif message['role'] == 'user' %}",
    "{% else %}",
    "{% endif %}",
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "{% set system = messages[0].content %}",
    "{% set messages = messages[1:] %}",
    "{% set ns = namespace(x=0) %}{% set ns.x = ns.x + 1 %}",
    "{{ bos_token }}",
    "{{ eos_token }}",
    "{{ raise_exception('no') }}",
    "{{ strftime_now('%d %b %Y') }}",
    "{{ messages | tojson }}",
    "{{ messages | length }}",
    "{{ loop.index0 }}",
    "{% if loop.last %}",
    "{{ 'x' * 1000000000 }}",
    "{{ range(1000000000) | list }}",
    "{% for i in range(100000000) %}{% for j in range(100000000) %}",
    "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
    "{{ message.content.split('\\n')[-1] }}",
    "{{ message.content.replace('a', 'bb') }}",
    "{{ ((((((((((1)))))))))) }}",
    "{{ [[[[[[[[[[]]]]]]]]]] }}",
    "{{ message.content ~ message.content }}",
    "{% set x = 'ab' %}{% set x = x ~ x %}{% set x = x ~ x ~ x ~ x %}{{ x }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ 9223372036854775807 + 1 }}{{ 2 ** 1000 }}",
    "{# a comment #}",
    "{% generation %}",
    "{%- break -%}",
];

fn recipe(mut u: Unstructured<'_>) -> Result<String> {
    let mut template = String::new();
    while !u.is_empty() && template.len() < 4000 {
        match u.int_in_range(0..=15)? {
            0 => template.push_str(u.arbitrary()?),
            1 => {
                let part = u.choose(&PARTS)?;
                template.push_str(&part.repeat(u.int_in_range(2..=200)?));
            }
            _ => template.push_str(u.choose(&PARTS)?),
        }
    }
    Ok(template)
}
