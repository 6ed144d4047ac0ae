#![no_main]

libfuzzer_sys::fuzz_target!(init: patch_moi::panic::install_hook(), |bytes: &[u8]| targets::feed(bytes));
