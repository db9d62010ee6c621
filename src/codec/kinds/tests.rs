use super::*;

#[test]
fn no_kind_of_key_is_given_out_twice() {
    for pair in key::GIVEN_OUT.windows(2) {
        let [(from, to, what), (next, ..)] = pair else {
            continue;
        };
        assert!(from <= to && to < next, "{what}");
    }
    for kind in key::OWNED {
        let of = |(from, to, _): &&(u8, u8, &str)| (*from..=*to).contains(&kind);
        assert_eq!(key::GIVEN_OUT.iter().filter(of).count(), 1);
    }
}

#[test]
fn the_facade_has_the_same_numbers() {
    let form = include_str!("../../facade/exact/form.ts");
    let number_of = |name: &str| -> u8 {
        let line = form.lines().find_map(|line| {
            let line = line.trim().trim_start_matches("export const ");
            line.strip_prefix(name)?.strip_prefix(" = ")
        });
        let digits = line.unwrap_or_else(|| panic!("there is no {name}"));
        digits.trim_end_matches([',', ';']).parse().unwrap()
    };
    let numbers = [
        ("EXACT", value::EXACT),
        ("EXACT_VERSION", value::EXACT_VERSION),
        ("EXACT_ATTACHED", value::EXACT_ATTACHED),
        ("Null", node::NULL),
        ("Undefined", node::UNDEFINED),
        ("False", node::FALSE),
        ("True", node::TRUE),
        ("Number", node::NUMBER),
        ("Integer", node::INTEGER),
        ("BigInt", node::BIGINT),
        ("String", node::STRING),
        ("Date", node::DATE),
        ("Bytes", node::BYTES),
        ("Blob", node::BLOB),
        ("File", node::FILE),
        ("Array", node::ARRAY),
        ("Object", node::OBJECT),
        ("Map", node::MAP),
        ("Set", node::SET),
        ("AttachedBlob", node::ATTACHED_BLOB),
        ("AttachedFile", node::ATTACHED_FILE),
    ];
    for (name, number) in numbers {
        assert_eq!(number_of(name), number, "{name}");
    }
}
