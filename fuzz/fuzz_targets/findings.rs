#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    restain_fuzz::findings(data);
});
