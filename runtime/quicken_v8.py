#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes libnode load faster: quicken_v8.py LIBNODE.so (in place; doing it again changes nothing).

Debian's libnode is linked so that each of its own functions may be replaced by another library: the dynamic loader looks up
some 60,000 names at each start, two thirds of the time that a small program needs. Nobody replaces V8's functions. So each
relocation that names a symbol of V8 or Node that the library itself defines is turned into one that only adds the load
address (R_X86_64_RELATIVE), which is what the linker would have written with -Bsymbolic. Our copy below third_party is
changed, never an installed library.
"""

import os
import struct
import sys

PT_LOAD, PT_DYNAMIC = 1, 2
DT_PLTRELSZ, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_JMPREL = 2, 5, 6, 7, 8, 23
R_64, R_GLOB_DAT, R_JUMP_SLOT, R_RELATIVE = 1, 6, 7, 8
STT_OBJECT, STT_FUNC = 1, 2
STB_GLOBAL, STB_WEAK = 1, 2
# Namespaces that only this library defines; std:: and the like may be shared with others and are left alone.
NAMESPACES = ("2v8", "4node", "12v8_inspector", "5cppgc", "10v8_crdtp", "8v8_crdtp", "3ada", "7simdutf")
PREFIXES = tuple(kind.encode() + name.encode() for kind in ("_ZN", "_ZNK", "_ZTVN", "_ZTSN", "_ZTIN") for name in NAMESPACES) + (b"Builtins_",)


class Library:
    def __init__(self, data):
        self.data = data
        if data[:5] != b"\x7fELF\x02" or struct.unpack_from("<H", data, 18)[0] != 62:
            sys.exit("quicken_v8: not an ELF file for x86-64")
        table, = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        self.loads, self.tags = [], {}
        for index in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, table + index * size)
            if kind == PT_LOAD:
                self.loads.append((address, offset, length))
            elif kind == PT_DYNAMIC:
                for at in range(offset, offset + length, 16):
                    tag, value = struct.unpack_from("<QQ", data, at)
                    self.tags.setdefault(tag, value)
                    if tag == 0:
                        break
        self.symbols = self.offset_of(self.tags[DT_SYMTAB])
        self.names = self.offset_of(self.tags[DT_STRTAB])

    def offset_of(self, address):
        for start, offset, length in self.loads:
            if start <= address < start + length:
                return offset + address - start
        sys.exit(f"quicken_v8: no segment holds {address:#x}")

    def own_value(self, number):
        """The value of a symbol that may be bound here and now, else None."""
        name, info, other, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, self.symbols + number * 24)
        if not 0 < section < 0xFF00 or info & 15 not in (STT_OBJECT, STT_FUNC) or info >> 4 not in (STB_GLOBAL, STB_WEAK):
            return None
        return value if self.data.startswith(PREFIXES, self.names + name) else None

    def quicken(self):
        changed, known = 0, {}
        for table, length in ((DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)):
            begin = self.offset_of(self.tags[table])
            for at in range(begin, begin + self.tags[length], 24):
                place, info, addend = struct.unpack_from("<QQq", self.data, at)
                kind, symbol = info & 0xFFFFFFFF, info >> 32
                if kind not in (R_64, R_GLOB_DAT, R_JUMP_SLOT):
                    continue
                if symbol not in known:
                    known[symbol] = self.own_value(symbol)
                if known[symbol] is None:
                    continue
                struct.pack_into("<QQq", self.data, at, place, R_RELATIVE, known[symbol] + (addend if kind == R_64 else 0))
                changed += 1
        return changed


def main():
    path = os.path.realpath(sys.argv[1])
    with open(path, "rb") as file:
        library = Library(bytearray(file.read()))
    if library.quicken():
        # A new file: a process that runs the old one keeps it.
        with open(path + ".part", "wb") as file:
            file.write(library.data)
        os.chmod(path + ".part", os.stat(path).st_mode & 0o777)
        os.replace(path + ".part", path)


main()
