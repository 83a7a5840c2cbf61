"""The peer in Python: numpy resize as nsfwjs does it, then onnxruntime on one thread. MODEL.onnx NAME FRAMES"""
import json, resource, sys, time
import numpy as np
import onnxruntime as ort

path, name, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
y, x = np.mgrid[0:720, 0:1280]
rgb = np.stack([x * 255 // 1279, y * 255 // 719, (x * y // 97) & 255], -1).astype(np.uint8)


def prepare(picture, side=224):
    def taps(n):
        place = np.arange(side, dtype=np.float32) * np.float32((n - 1) / (side - 1))
        first = place.astype(np.int64)
        return first, np.minimum(first + 1, n - 1), place - first.astype(np.float32)
    top, bottom, down = taps(picture.shape[0])
    left, right, across = taps(picture.shape[1])
    across, down = across[None, :, None], down[:, None, None]
    def row(ys):
        rows = picture[ys]
        a, b = rows[:, left].astype(np.float32), rows[:, right].astype(np.float32)
        return a + (b - a) * across
    a, b = row(top), row(bottom)
    return ((a + (b - a) * down) / np.float32(255)).transpose(2, 0, 1)[None].copy()


def median_ms(call):
    times = []
    for _ in range(n + 3):
        start = time.process_time()
        call()
        times.append((time.process_time() - start) * 1e3)
    return sorted(times[3:])[n // 2]


run = lambda: session.run(None, {"input": prepare(rgb)})[0]
print(json.dumps({
    "who": f"Python, onnxruntime {ort.__version__}", "model": name, "prepare_ms": median_ms(lambda: prepare(rgb)),
    "total_ms": median_ms(run), "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "scores": run()[0].tolist(),
}))
