"""Opens a file by ways that shells do not have: opener.py mmap|handle PATH. Ends with 0 when it could be read."""
import ctypes
import mmap
import os
import sys

way, path = sys.argv[1:]
if way == "mmap":
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        sys.exit(0 if len(view[:16]) == 16 else 1)

# name_to_handle_at looks a name up and opens nothing; open_by_handle_at opens without a name.
libc = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    _fields_ = [("handle_bytes", ctypes.c_uint), ("handle_type", ctypes.c_int), ("f_handle", ctypes.c_ubyte * 128)]


handle, mount_id = Handle(handle_bytes=128), ctypes.c_int()
if libc.name_to_handle_at(-100, path.encode(), ctypes.byref(handle), ctypes.byref(mount_id), 0) != 0:
    sys.exit(f"no handle: {os.strerror(ctypes.get_errno())}")
mount = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
file = libc.open_by_handle_at(mount, ctypes.byref(handle), os.O_RDONLY)
if file < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
sys.exit(0 if len(os.read(file, 16)) == 16 else 1)
