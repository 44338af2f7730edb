//! Any bytes as BTF, trusted and validated: reading, every question to a type, values as text, the kernel's rules, and a builder that writes the same types in either byte order.
#![no_main]

use bpf_btf::{Btf, BtfBuilder, BtfFeatures, ByteOrder, ValueOptions, sanitize};
use libfuzzer_sys::fuzz_target;

/// Text grows with what types contain: this much is more than the checks need.
const TYPES_AS_TEXT: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let parsed = Btf::parse(bytes.to_vec());
    match Btf::parse_trusted(bytes.to_vec()) {
        Ok(trusted) => {
            ask(&trusted, bytes);
            assert_eq!(trusted.validate().err(), parsed.as_ref().err().cloned());
            let written = BtfBuilder::from_btf(&trusted).write(ByteOrder::NATIVE);
            assert_eq!(written.is_ok(), parsed.is_ok(), "what is valid is written, and nothing else");
        }
        Err(_) => assert!(parsed.is_err(), "what can be parsed can be trusted"),
    }
    let Ok(btf) = parsed else { return };
    ask(&btf, bytes);

    let mut builder = BtfBuilder::from_btf(&btf);
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let written = builder.write(order).expect("what was read can be written");
        let again = Btf::parse(written).expect("what was written can be read");
        assert_eq!(again.byte_order(), order);
        assert_eq!(again.len(), btf.len());
        assert!(again.types().zip(btf.types()).all(|(one, other)| {
            one.0 == other.0 && one.1.name() == other.1.name() && one.1.kind() == other.1.kind()
        }));
        assert_eq!(BtfBuilder::from_btf(&again).write(order), builder.write(order));
    }
    for features in [BtfFeatures::NONE, BtfFeatures::ALL] {
        if let Ok(older) = sanitize(&btf, &features) {
            Btf::parse(older).expect("sanitised BTF is BTF");
        }
    }
    if builder.define_ksyms().is_ok() {
        let _ = builder.write(ByteOrder::NATIVE);
    }
});

/// Every question to a blob, and to its first types.
fn ask(btf: &Btf, bytes: &[u8]) {
    // The bytes stand for a value too: they are as good as any.
    for (id, found) in btf.types().take(TYPES_AS_TEXT) {
        let _ = (btf.size_of(id), btf.align_of(id), btf.strip(id), btf.resolve(id));
        assert!(btf.display_name(id).to_string().len() < 1 << 20);
        let _ = btf.find(found.name(), found.kind());
        for options in [ValueOptions::default(), ValueOptions::default().compact().with_zeroes()] {
            let _ = btf.value_text(id, bytes, ByteOrder::Little, &options);
        }
        if let Some(composite) = found.composite() {
            for member in composite.members() {
                let _ = (member.name(), member.type_id(), btf.size_of(member.type_id()));
            }
        }
    }
    let _ = btf.check_kernel_rules();
}
