//! How much of the stack is used. Overflow needs no code here: esp-hal's linker script refuses
//! statics that leave too little, and its watchpoint on the guard word makes a panic of the rest.

/// What an unused word of the stack holds.
const PAINT: u32 = 0xa5a5_5a5a;
/// Bytes below a local variable that its function may use.
const FRAME: usize = 256;

unsafe extern "C" {
    /// The word that esp-hal watches, above the stack's lowest end.
    static mut __stack_chk_guard: u32;
    static _stack_start_cpu0: u32;
    static _stack_end_cpu0: u32;
    static _data_start: u32;
}

/// Bytes that the stack may grow to before it meets the guard.
pub fn size() -> usize {
    (&raw const _stack_start_cpu0).addr() - lowest().addr()
}

/// Bytes of statics: all that is between the code in RAM and the stack.
pub fn statics() -> usize {
    (&raw const _stack_end_cpu0).addr() - (&raw const _data_start).addr()
}

/// Paints what is not used yet. The first thing that a program does.
#[inline(never)]
pub fn paint() {
    let here = 0_u8;
    let unused = ((&raw const here).addr() - FRAME - lowest().addr()) / size_of::<u32>();
    for word in 0..unused {
        // SAFETY: a whole word of the stack, above the guard and below every frame.
        unsafe { lowest().add(word).write_volatile(PAINT) }
    }
}

/// Bytes of the stack at its highest since [`paint`].
pub fn used() -> usize {
    let words = size() / size_of::<u32>();
    // SAFETY: whole words of the stack, above the guard.
    let painted = |&word: &usize| unsafe { lowest().add(word).read_volatile() } == PAINT;
    let unused = (0..words).take_while(painted).count();
    size() - unused * size_of::<u32>()
}

/// The lowest word above the guard.
fn lowest() -> *mut u32 {
    (&raw mut __stack_chk_guard).wrapping_add(1)
}
