//! The library on this machine: the same bits as on the device.

use no_std_library::{Assistant, Error, MEMORY, RAM_BYTES};

#[test]
fn commands_become_actions() {
    let mut memory = Box::new(MEMORY);
    let mut assistant = Assistant::new(&mut memory).unwrap();
    let mut buffer = [0; 128];
    for (command, action) in [
        (
            "switch off the lamp in the kitchen",
            r#"{"do":"off","what":"lamp","where":"kitchen"}"#,
        ),
        (
            "is the front door locked",
            r#"{"do":"query","what":"lock","where":"front door"}"#,
        ),
    ] {
        assert_eq!(assistant.action(command, &mut buffer), Ok(action));
    }
    assert!(
        assistant.action("", &mut buffer).is_ok(),
        "the model's own start is a prompt"
    );
    let long = "lamp ".repeat(200);
    assert!(matches!(
        assistant.action(&long, &mut buffer),
        Err(Error::Refused(_))
    ));
    let small = assistant.action("switch off the lamp in the kitchen", &mut buffer[..8]);
    assert_eq!(small, Err(Error::BufferTooSmall));
    const { assert!(RAM_BYTES < 520_000) };
}
