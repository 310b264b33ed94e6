#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| edgegen_fuzz::lora(data));
