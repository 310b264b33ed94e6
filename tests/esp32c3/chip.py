"""chip.py IMAGE FIRMWARE BUILTINS: runs a flash image as an ESP32-C3 would.

The bootloader's work is done here; the CPU is Unicorn's. The memories are where the chip has them,
with the chip's rights. UART0 and the clocks answer; any other peripheral keeps what is written to
it, which is enough for esp-hal to start. FIRMWARE is the image's ELF, for the addresses of the
ROM's functions. The ROM itself is not to be had: its library is BUILTINS, an ELF of Rust's, and of
the rest only the console's output does something.

Standard input is typed on UART0, and what the program sends there is printed. The run ends, with
status 0, when the program waits for more than there is.
"""

import ctypes
import struct
import subprocess
import sys
import time

from esptool.bin_image import LoadFirmwareImage
from unicorn import UC_ARCH_RISCV, UC_HOOK_CODE, UC_HOOK_INTR, UC_MODE_RISCV32
from unicorn import UC_PROT_ALL, UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE, Uc
from unicorn.riscv_const import UC_RISCV_REG_A0, UC_RISCV_REG_PC, UC_RISCV_REG_SP

ROM, ROM_SIZE = 0x4000_0000, 0x6_0000
# One memory, for data and for code.
SRAM_DATA, SRAM_CODE, SRAM_SIZE = 0x3FC8_0000, 0x4038_0000, 0x6_0000
FLASH_DATA, FLASH_CODE, FLASH_SIZE = 0x3C00_0000, 0x4200_0000, 0x80_0000
RTC, RTC_SIZE = 0x5000_0000, 0x2000
PERIPHERALS, PERIPHERALS_SIZE = 0x6000_0000, 0x10_0000

UART_FIFO, UART_STATUS, UART_ID = 0x6000_0000, 0x6000_001C, 0x6000_0080
CALIBRATION, CALIBRATED = 0x6001_F068, 1 << 15
# Cycles of the 40 MHz crystal in 1024 of the slow clock, which has 136 kHz.
CALIBRATION_RESULT, SLOW_CLOCK = 0x6001_F06C, 40_000_000 * 1024 // 136_000 << 7
TIMER_OP, TIMER_VALID = 0x6002_3004, 1 << 29
TIMER_HIGH, TIMER_LOW, TIMER_HZ = 0x6002_3040, 0x6002_3044, 16_000_000

RETURN = b"\x82\x80"
# The registers of the watchpoints, which Unicorn's CPU lacks: writes are ignored.
TRIGGERS = range(0x7A0, 0x7A6)
ILLEGAL_INSTRUCTION = 2


class Peripherals:
    def __init__(self, typed):
        self.typed = bytearray(typed)
        self.kept = {}
        self.ticks = 0

    def read(self, uc, offset, _size, _data):
        address = PERIPHERALS + offset
        kept = self.kept.get(address, 0)
        if address == UART_FIFO:
            return self.typed.pop(0) if self.typed else 0
        if address == UART_STATUS:
            if not self.typed:
                uc.emu_stop()
            return min(len(self.typed), 127)
        if address == UART_ID:  # whose highest bit falls when the settings are taken over
            return kept & 0x7FFF_FFFF
        if address == CALIBRATION:
            return kept | CALIBRATED
        if address == CALIBRATION_RESULT:
            return SLOW_CLOCK
        if address == TIMER_OP:
            return kept | TIMER_VALID
        if address == TIMER_HIGH:
            return self.ticks >> 32
        if address == TIMER_LOW:
            return self.ticks & 0xFFFF_FFFF
        return kept

    def write(self, _uc, offset, _size, value, _data):
        address = PERIPHERALS + offset
        self.kept[address] = value
        if address == UART_FIFO:
            send(value)
        if address == TIMER_OP:
            self.ticks = int(time.monotonic() * TIMER_HZ)


def send(byte):
    sys.stdout.buffer.write(bytes([byte & 0xFF]))
    sys.stdout.buffer.flush()


def symbols(elf):
    """Names and addresses of a file's symbols."""
    lines = subprocess.check_output(["llvm-nm-22", "--defined-only", elf], text=True)
    fields = (line.split() for line in lines.splitlines())
    return {name: int(address, 16) for address, _, name in fields}


def jump(source, target):
    """The instruction `j target`."""
    offset = target - source
    bits = (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3FF) << 21
    return struct.pack("<I", bits | (offset >> 11 & 1) << 20 | offset & 0xFF000 | 0x6F)


def build_rom(uc, firmware, builtins):
    """Fills the ROM; gives the addresses of its functions that the firmware knows."""
    there = {n: a for n, a in symbols(firmware).items() if ROM <= a < ROM + ROM_SIZE}
    uc.mem_write(ROM, RETURN * (ROM_SIZE // len(RETURN)))
    flat = f"{builtins}.flat"
    subprocess.check_call(["llvm-objcopy-22", "-O", "binary", builtins, flat])
    library = symbols(builtins)
    with open(flat, "rb") as file:
        uc.mem_write(library["start"], file.read())
    for name in there.keys() & library.keys():
        uc.mem_write(there[name], jump(there[name], library[name]))
    return there


def main():
    image, firmware, builtins = sys.argv[1:]
    uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
    sram = (ctypes.c_uint8 * SRAM_SIZE)()
    uc.mem_map_ptr(SRAM_DATA, SRAM_SIZE, UC_PROT_READ | UC_PROT_WRITE, ctypes.addressof(sram))
    uc.mem_map_ptr(SRAM_CODE, SRAM_SIZE, UC_PROT_ALL, ctypes.addressof(sram))
    uc.mem_map(FLASH_DATA, FLASH_SIZE, UC_PROT_READ)
    uc.mem_map(FLASH_CODE, FLASH_SIZE, UC_PROT_READ | UC_PROT_EXEC)
    uc.mem_map(RTC, RTC_SIZE)
    uc.mem_map(ROM, ROM_SIZE, UC_PROT_READ | UC_PROT_EXEC)
    peripherals = Peripherals(sys.stdin.buffer.read())
    uc.mmio_map(PERIPHERALS, PERIPHERALS_SIZE, peripherals.read, None, peripherals.write, None)

    rom = build_rom(uc, firmware, builtins)
    loaded = LoadFirmwareImage("esp32c3", image)
    for segment in loaded.segments:
        if segment.addr:  # else padding
            uc.mem_write(segment.addr, segment.data)

    ended = []

    def end(problem):
        ended.append(problem)
        uc.emu_stop()

    def exception(_uc, number, _data):
        pc = uc.reg_read(UC_RISCV_REG_PC)
        (instruction,) = struct.unpack("<I", uc.mem_read(pc, 4))
        if number == ILLEGAL_INSTRUCTION and instruction & 0x7F == 0x73 and instruction >> 20 in TRIGGERS:
            uc.reg_write(UC_RISCV_REG_PC, pc + 4)
        else:
            end(f"exception {number} at {pc:#x}")

    def hook(address, action):
        uc.hook_add(UC_HOOK_CODE, lambda *_: action(), begin=address, end=address)

    uc.hook_add(UC_HOOK_INTR, exception)
    hook(rom["uart_tx_one_char"], lambda: send(uc.reg_read(UC_RISCV_REG_A0)))
    hook(rom["software_reset"], lambda: end("reset"))
    uc.reg_write(UC_RISCV_REG_SP, SRAM_DATA + SRAM_SIZE)
    uc.emu_start(loaded.entrypoint, 0)
    if ended:
        sys.exit(ended[0])


main()
