"""Right and wrong answers to the assignment convolution."""

CONV = """
def conv2d(x, V, u, stride, padding):
    n, c, h, w = x.shape
    c_out, _, f, g = V.shape
    padded = np.zeros((n, c, h + 2 * padding, w + 2 * padding))
    padded[:, :, padding : padding + h, padding : padding + w] = x
    rows, columns = (h + 2 * padding - f) // stride + 1, (w + 2 * padding - g) // stride + 1
    H = np.zeros((n, c_out, rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride : i * stride + f, j * stride : j * stride + g]
            H[:, :, i, j] = np.tensordot(window, V, ((1, 2, 3), (1, 2, 3))) + u
    return H
"""
BACK = """
def conv2d_gradients(G, x, V, stride, padding):
    n, c, h, w = x.shape
    f, g = V.shape[2:]
    around = (padding, padding)
    padded = np.pad(x, ((0, 0), (0, 0), around, around))
    dx, dV = np.zeros(padded.shape), np.zeros(V.shape)
    for i in range(G.shape[2]):
        for j in range(G.shape[3]):
            k, l, slope = i * stride, j * stride, G[:, :, i, j]
            dV += np.tensordot(slope, padded[:, :, k : k + f, l : l + g], (0, 0))
            dx[:, :, k : k + f, l : l + g] += np.tensordot(slope, V, (1, 0))
    return dx[:, :, padding : padding + h, padding : padding + w], dV, G.sum((0, 2, 3))
"""
POOL = """
def max_pool(x, f):
    n, c, h, w = x.shape
    H = np.zeros((n, c, h // f, w // f))
    for i in range(h // f):
        for j in range(w // f):
            H[:, :, i, j] = x[:, :, i * f : i * f + f, j * f : j * f + f].max(axis=(2, 3))
    return H
"""
UNPOOL = """
def max_pool_gradient(G, x, f):
    dx = np.zeros(x.shape)
    for n, c, i, j in np.ndindex(G.shape):
        block = x[n, c, i * f : i * f + f, j * f : j * f + f]
        a, b = divmod(int(block.argmax()), f)
        dx[n, c, i * f + a, j * f + b] += G[n, c, i, j]
    return dx
"""
NET = """
def make_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 5),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(5),
        torch.nn.Flatten(),
        torch.nn.Linear(32, 10),
    )
"""

RIGHT: dict[str, dict[str, str]] = {
    "places counted, seven loops, two convolutions": {
        "q1": """
def layer_cost(m, c, c_out, f, padding, stride):
    places = [k for k in range(0, m + 2 * padding, stride) if k + f <= m + 2 * padding]
    return len(places), c_out + c_out * c * f * f, c_out * c * f * f * len(places) ** 2
""",
        "q2": """
def conv2d(x, V, u, stride, padding):
    p, s = padding, stride
    n, c, h, w = x.shape
    d, _, f, g = V.shape
    H = np.zeros((n, d, (h + 2 * p - f) // s + 1, (w + 2 * p - g) // s + 1))
    for item in range(n):
        for o in range(d):
            for i in range(H.shape[2]):
                for j in range(H.shape[3]):
                    total = u[o]
                    for q in range(c):
                        for a in range(f):
                            for b in range(g):
                                k, l = i * s + a - p, j * s + b - p
                                if 0 <= k < h and 0 <= l < w:
                                    total += x[item, q, k, l] * V[o, q, a, b]
                    H[item, o, i, j] = total
    return H
""",
        "q3": """
def conv2d_gradients(G, x, V, stride, padding):
    dx, dV, du = np.zeros_like(x), np.zeros_like(V), np.zeros(len(V))
    for item, o, i, j in np.ndindex(*G.shape):
        du[o] += G[item, o, i, j]
        for q, a, b in np.ndindex(*V.shape[1:]):
            k, l = i * stride + a - padding, j * stride + b - padding
            if 0 <= k < x.shape[2] and 0 <= l < x.shape[3]:
                dx[item, q, k, l] += G[item, o, i, j] * V[o, q, a, b]
                dV[o, q, a, b] += G[item, o, i, j] * x[item, q, k, l]
    return dx, dV, du
""",
        "q6": """
def make_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(6, 8, 5, padding=2), torch.nn.ReLU(), torch.nn.AdaptiveMaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(32, 10),
    )
""",
    },
    "loops over the kernel, not over the places": {
        "q2": """
def conv2d(x, V, u, stride, padding):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    f, g = V.shape[2:]
    rows, columns = (x.shape[2] - f) // stride + 1, (x.shape[3] - g) // stride + 1
    H = np.zeros((len(x), len(V), rows, columns)) + u.reshape(1, -1, 1, 1)
    for a in range(f):
        for b in range(g):
            seen = x[:, :, a : a + rows * stride : stride, b : b + columns * stride : stride]
            H += np.einsum("nqij,oq->noij", seen[:, :, :rows, :columns], V[:, :, a, b])
    return H
""",
        "q3": """
def conv2d_gradients(G, x, V, stride, padding):
    p, s = padding, stride
    padded = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    dx, dV = np.zeros_like(padded), np.zeros_like(V)
    rows, columns = G.shape[2:]
    for a in range(V.shape[2]):
        for b in range(V.shape[3]):
            there = np.s_[:, :, a : a + (rows - 1) * s + 1 : s, b : b + (columns - 1) * s + 1 : s]
            dV[:, :, a, b] = np.einsum("noij,nqij->oq", G, padded[there])
            dx[there] += np.einsum("noij,oq->nqij", G, V[:, :, a, b])
    h, w = x.shape[2:]
    return [dx[:, :, p : p + h, p : p + w], dV, np.einsum("noij->o", G)]
""",
        "q4": """
def max_pool(x, f):
    h, w = x.shape[2] // f, x.shape[3] // f
    places = [x[:, :, a : h * f : f, b : w * f : f] for a in range(f) for b in range(f)]
    return np.max(places, axis=0)
""",
        "q5": """
def max_pool_gradient(G, x, f):
    h, w = x.shape[2] // f, x.shape[3] // f
    dx, top, free = np.zeros_like(x), max_pool(x, f), np.ones(G.shape, dtype=bool)
    for a in range(f):
        for b in range(f):
            hit = free & (x[:, :, a : h * f : f, b : w * f : f] == top)
            dx[:, :, a : h * f : f, b : w * f : f] = np.where(hit, G, 0)
            free &= ~hit
    return dx
""",
        "q6": """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.look = torch.nn.Conv2d(1, 8, 5, padding=2)
        self.score = torch.nn.Linear(8 * 3 * 3, 10)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(torch.relu(self.look(x)), 4)
        return self.score(x.flatten(1))

def make_cnn():
    return Net()
""",
    },
    "windows as a view, and columns": {
        "q2": """
from numpy.lib.stride_tricks import sliding_window_view
def conv2d(x, V, u, stride, padding):
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(padded, V.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    n, c, rows, columns, f, g = windows.shape
    table = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * rows * columns, c * f * g)
    H = table @ V.reshape(len(V), -1).T + u
    return H.reshape(n, rows, columns, len(V)).transpose(0, 3, 1, 2)
""",
        "q3": """
def conv2d_gradients(G, x, V, stride, padding):
    s, p, (n, d, rows, columns), (f, g) = stride, padding, G.shape, V.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (f, g), axis=(2, 3))[:, :, ::s, ::s]
    dV = np.einsum("noij,nqijab->oqab", G, windows)
    wide = np.zeros((n, d, padded.shape[2] + f - 1, padded.shape[3] + g - 1))
    wide[:, :, f - 1 : f + (rows - 1) * s : s, g - 1 : g + (columns - 1) * s : s] = G
    back = conv2d(wide, V[:, :, ::-1, ::-1].swapaxes(0, 1), np.zeros(x.shape[1]), 1, 0)
    return back[:, :, p : p + x.shape[2], p : p + x.shape[3]], dV, G.sum(axis=0).sum(axis=(1, 2))
""",
        "q4": """
def cut(x, f):
    n, c, h, w = x.shape
    x = x[:, :, : h - h % f, : w - w % f].reshape(n, c, h // f, f, w // f, f)
    return x.swapaxes(3, 4).reshape(n, c, h // f, w // f, f * f)

def max_pool(x, f):
    return cut(x, f).max(-1)
""",
        "q5": """
def max_pool_gradient(G, x, f):
    n, c, h, w = x.shape
    blocks = np.zeros((*G.shape, f * f))
    np.put_along_axis(blocks, cut(x, f).argmax(-1)[..., None], G[..., None], -1)
    whole = blocks.reshape(*G.shape, f, f).swapaxes(3, 4).reshape(n, c, h // f * f, w // f * f)
    return np.pad(whole, ((0, 0), (0, 0), (0, h % f), (0, w % f)))
""",
        "q6": """
def make_cnn():
    from torch.nn import Conv2d, Flatten, LazyLinear, MaxPool2d, ReLU, Sequential
    return Sequential(Conv2d(1, 8, 3), ReLU(), MaxPool2d(4), Flatten(), LazyLinear(10))
""",
    },
    "torch's simple operations, and back to NumPy": {
        "q2": """
def conv2d(x, V, u, stride, padding):
    x, V, u = (torch.tensor(some) for some in (x, V, u))
    padded = torch.nn.functional.pad(x, (padding,) * 4)
    f, g = V.shape[2:]
    lines = []
    for k in range(0, padded.shape[2] - f + 1, stride):
        line = []
        for l in range(0, padded.shape[3] - g + 1, stride):
            line.append((padded[:, None, :, k : k + f, l : l + g] * V).sum(dim=(2, 3, 4)) + u)
        lines.append(torch.stack(line, dim=2))
    return torch.stack(lines, dim=2).numpy()
""",
        "q4": """
def max_pool(x, f):
    lines = []
    for i in range(x.shape[2] // f):
        line = [x[:, :, i * f : i * f + f, j * f : j * f + f].max((2, 3)) for j in range(x.shape[3] // f)]
        lines.append(np.stack(line, axis=2))
    return np.stack(lines, axis=2)
""",
        "q5": """
def max_pool_gradient(G, x, f):
    dx = np.zeros(x.shape)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for i in range(x.shape[2] // f):
                for j in range(x.shape[3] // f):
                    best = None
                    for a in range(i * f, i * f + f):
                        for b in range(j * f, j * f + f):
                            if best is None or x[n, c, a, b] > x[n, c, best[0], best[1]]:
                                best = a, b
                    dx[n, c, best[0], best[1]] = G[n, c, i, j]
    return dx
""",
    },
    "copies changed in place, and kernels of one's own": {
        "q1": """
def layer_cost(m, c, c_out, f, padding, stride):
    side = int(np.floor((m + 2 * padding - f) / stride)) + 1
    parameters = sum(p.numel() for p in torch.nn.Conv2d(c, c_out, f).parameters())
    return [side, parameters, (parameters - c_out) * side * side]
""",
        "q2": CONV,
        "q3": BACK,
        "q4": POOL,
        "q5": UNPOOL,
        "q6": """
class Filters(torch.nn.Module):
    def __init__(self, kernels, side):
        super().__init__()
        self.kernels = torch.nn.Parameter(0.2 * torch.randn(kernels, 1, side, side))
        self.bias = torch.nn.Parameter(torch.zeros(kernels))

    def forward(self, x):
        return torch.nn.functional.conv2d(x, self.kernels, self.bias, padding="same").relu()

def make_cnn():
    return torch.nn.Sequential(
        Filters(8, 5), torch.nn.MaxPool2d(4), torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(72, 10)
    )
""",
    },
    "the kernel's gradient as a convolution of its own": {
        "q3": """
def conv2d_gradients(G, x, V, stride, padding):
    s, p, (n, d, rows, columns), (f, g) = stride, padding, G.shape, V.shape[2:]
    spread = np.zeros((n, d, (rows - 1) * s + 1, (columns - 1) * s + 1))  # the places in between have no slope
    spread[:, :, ::s, ::s] = G
    zero = np.zeros(d)
    dV = conv2d(x.swapaxes(0, 1), spread.swapaxes(0, 1), zero, 1, p)[:, :, :f, :g].swapaxes(0, 1)
    dx = np.zeros((n, x.shape[1], x.shape[2] + 2 * p, x.shape[3] + 2 * p))
    full = np.pad(spread, ((0, 0), (0, 0), (f - 1, f - 1), (g - 1, g - 1)))
    turned = np.flip(V, (2, 3)).transpose(1, 0, 2, 3)
    got = conv2d(full, turned, np.zeros(x.shape[1]), 1, 0)
    dx[:, :, : got.shape[2], : got.shape[3]] = got
    return dx[:, :, p : p + x.shape[2], p : p + x.shape[3]], dV, spread.sum((0, 2, 3))
""",
        "q6": """
def make_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5), torch.nn.LeakyReLU(), torch.nn.AdaptiveMaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(24, 10),
    )
""",
    },
    "a tanh, and the logs of probabilities": {
        "q1": """
def layer_cost(m, c, c_out, f, padding, stride):
    side = 1
    while side * stride + f <= m + 2 * padding:
        side += 1
    return side, (f * f * c + 1) * c_out, side * side * f * f * c * c_out
""",
        "q6": """
def make_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 10, 5, padding=2), torch.nn.Tanh(), torch.nn.MaxPool2d(7),
        torch.nn.Flatten(), torch.nn.Linear(40, 10), torch.nn.LogSoftmax(dim=1),
    )
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    "one place too few": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    side = (m + 2 * padding - f) // stride
    return side, c_out * (c * f * f + 1), side**2 * c_out * c * f * f
""",
        "the part of side: expected 1, got 0. A kernel as large as the picture fits once",
    ),
    "padding on one side in all": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    side = (m + padding - f) // stride + 1
    return side, c_out * (c * f * f + 1), side**2 * c_out * c * f * f
""",
        "padding=1, stride=1\\), the part of side: expected 5, got 4. One row of zeros on \\*each\\* side",
    ),
    "rounded up": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    side = -((m + 2 * padding - f) // -stride) + 1
    return side, c_out * (c * f * f + 1), side**2 * c_out * c * f * f
""",
        "stride=2\\), the part of side: expected 2, got 3.*hang over the edge",
    ),
    "a float": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    side = np.floor((m + 2 * padding - f) / stride) + 1
    return [side], c_out * (c * f * f + 1), side**2 * c_out * c * f * f
""",
        r"the part of side: expected an integer, got \[.*1.0",
    ),
    "a bias for each channel that goes in": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    side = (m + 2 * padding - f) // stride + 1
    return side, c_out * c * (f * f + 1), side**2 * c_out * c * f * f
""",
        "the part of parameters: expected 112, got 120.*but one bias",
    ),
    "one kernel for all channels": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    side = (m + 2 * padding - f) // stride + 1
    return side, c_out * (f * f + 1), side**2 * c_out * f * f
""",
        "the part of parameters: expected 112, got 40",
    ),
    "the five layers learned by heart": (
        "q1",
        """
def layer_cost(m, c, c_out, f, padding, stride):
    known = {(5, 5): (1, 26, 25), (5, 3): (3, 10, 81), (6, 3): (2, 10, 36)}
    return (5, 10, 225) if padding else (3, 112, 972) if c == 3 else known[m, f]
""",
        None,
    ),
    "a true convolution": (
        "q2",
        CONV.replace("(window, V,", "(window, V[:, :, ::-1, ::-1],"),
        r"expected 4321, got 1234. .*the mathematicians' convolution.*Book: A convolutional",
    ),
    "a mean over the window": (
        "q2",
        CONV.replace("+ u", "/ (f * g) + u"),
        "expected 4321, got 1080.25",
    ),
    "a bias for each weight": (
        "q2",
        CONV.replace("+ u", "+ f * g * u"),
        "u = 0.5.*expected 4321.5, got 4323.*once for each place",
    ),
    "no bias": ("q2", CONV.replace(" + u", ""), "expected 4321.5, got 4321"),
    "rows and columns exchanged": (
        "q2",
        CONV.replace("H[:, :, i, j] =", "H[:, :, j, i] =").replace(
            "(n, c_out, rows, columns)", "(n, c_out, columns, rows)"
        ),
        r"expected shape \(1, 1, 1, 2\), got shape \(1, 1, 2, 1\)",
    ),
    "padding above and to the left only": (
        "q2",
        CONV.replace("h + 2 * padding", "h + padding").replace("w + 2 * padding", "w + padding"),
        r"padding 1: expected shape \(1, 1, 2, 2\), got shape \(1, 1, 1, 1\)",
    ),
    "padding ignored": (
        "q2",
        CONV.replace("    n, c, h", "    padding = 0\n    n, c, h"),
        r"padding 1: expected shape \(1, 1, 2, 2\), got shape",
    ),
    "stride ignored": (
        "q2",
        CONV.replace("    n, c, h", "    stride = 1\n    n, c, h"),
        r"stride 2, padding 0: expected shape \(1, 1, 2, 3\), got shape \(1, 1, 3, 5\)",
    ),
    "stride in the shape, not in the window": (
        "q2",
        CONV.replace("i * stride", "i").replace("j * stride", "j"),
        r"at index \(0, 0, 0, 1\): expected 13, got 12. .*every second pixel",
    ),
    "the last place left out": (
        "q2",
        CONV.replace("// stride + 1", "// stride"),
        r"expected shape \(1, 1, 1, 1\), got shape \(1, 1, 0, 0\)",
    ),
    "only the first channel": (
        "q2",
        CONV.replace("(window, V, ((1, 2, 3), (1, 2, 3)))", "(window[:, 0], V[:, 0], ((1, 2), (1, 2)))"),
        "three channels.*expected 532, got 2. Each channel has its own kernel",
    ),
    "the items added up": (
        "q2",
        CONV.replace("(window, V,", "(window.sum(axis=0, keepdims=True), V,"),
        r"two items.*expected 11, got 41",
    ),
    "a bias that goes along the items": (
        "q2",
        CONV.replace("+ u", "+ (u[:, None] if n == len(u) else u[0])"),
        "two items.*expected 22, got 21",
    ),
    "float32": (
        "q2",
        CONV.replace("w + 2 * padding))", "w + 2 * padding), dtype=np.float32)").replace(
            "rows, columns))", "rows, columns), dtype=np.float32)"
        ),
        "expected dtype float64, the one that came in, got float32",
    ),
    "float32 inside": (
        "q2",
        CONV.replace("w + 2 * padding))", "w + 2 * padding), dtype=np.float32)"),
        None,
    ),
    "the picture multiplied in place": (
        "q2",
        """
def conv2d(x, V, u, stride, padding):
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    f, g = V.shape[2:]
    rows, columns = (x.shape[2] - f) // stride + 1, (x.shape[3] - g) // stride + 1
    H = np.zeros((len(x), len(V), rows, columns))
    for n, o, i, j in np.ndindex(H.shape):
        window = x[n, :, i * stride : i * stride + f, j * stride : j * stride + g]
        window *= V[o]
        H[n, o, i, j] = window.sum() + u[o]
    return H
""",
        "`conv2d` changed its input x from",
    ),
    "torch's conv2d": (
        "q2",
        """
from torch.nn.functional import conv2d as ready
def conv2d(x, V, u, stride, padding):
    return ready(torch.tensor(x), torch.tensor(V), torch.tensor(u), stride, padding).numpy()
""",
        "calls the library's own `conv2d`. The question is how such a function works inside",
    ),
    "torch's layer": (
        "q2",
        """
def conv2d(x, V, u, stride, padding):
    layer = torch.nn.Conv2d(V.shape[1], len(V), V.shape[2:], stride, padding, dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.tensor(V), torch.tensor(u)
    return layer(torch.tensor(x)).detach().numpy()
""",
        "calls the library's own `Conv2d`",
    ),
    "torch's unfold": (
        "q2",
        """
def conv2d(x, V, u, stride, padding):
    padded = torch.nn.functional.pad(torch.tensor(x), (padding,) * 4)
    windows = padded.unfold(2, V.shape[2], stride).unfold(3, V.shape[3], stride)
    return np.einsum("ncijfg,ocfg->noij", windows.numpy(), V) + u[:, None, None]
""",
        "calls the library's own `unfold`",
    ),
    "SciPy, picture by picture": (
        "q2",
        """
from scipy import signal
def conv2d(x, V, u, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    sums = [[sum(map(lambda a, b: signal.correlate2d(a, b, "valid"), item, k)) for k in V] for item in x]
    return np.array(sums)[:, :, ::stride, ::stride] + u[:, None, None]
""",
        "calls the library's own `correlate2d`",
    ),
    "the wrong sign": (
        "q3",
        BACK.replace("return dx[", "return -dx["),
        r"the part of x at index \(0, 0, 0, 0\): expected 2, got -2. One place",
    ),
    "the items not added up": (
        "q3",
        BACK.replace(
            "(slope, padded[:, :, k : k + f, l : l + g], (0, 0))",
            "(slope[:1], padded[:1, :, k : k + f, l : l + g], (0, 0))",
        ),
        "that x twice.*the part of V .*expected 3, got 1. Both items use the same weights",
    ),
    "the items averaged": (
        "q3",
        BACK.replace("dV, G.sum", "dV / n, G.sum"),
        "that x twice.*the part of V .*expected 3, got 1.5.*Nothing is divided",
    ),
    "a mean for the bias": (
        "q3",
        BACK.replace("G.sum((0, 2, 3))", "G.mean((0, 2, 3))"),
        "the part of u at index 0: expected 3, got 1.5",
    ),
    "the bias from the items only": (
        "q3",
        BACK.replace("G.sum((0, 2, 3))", "G.sum(0)[:, 0, 0]"),
        "the part of u at index 0: expected 101, got 1",
    ),
    "one bias for each place": (
        "q3",
        BACK.replace("G.sum((0, 2, 3))", "G.sum(0)"),
        r"the part of u: expected shape \(1,\), got shape \(1, 1, 1\)",
    ),
    "windows that overwrite": (
        "q3",
        BACK.replace("dx[:, :, k : k + f, l : l + g] +=", "dx[:, :, k : k + f, l : l + g] ="),
        r"the part of x at index \(0, 0, 0, 1\): expected 110, got 100. .*overlap",
    ),
    "the kernel turned for the picture": (
        "q3",
        BACK.replace("(slope, V,", "(slope, V[:, :, ::-1, ::-1],"),
        "the part of x at index .*: expected 2, got 2000",
    ),
    "the frame left on": (
        "q3",
        BACK.replace("dx[:, :, padding : padding + h, padding : padding + w]", "dx"),
        r"padding 1, the part of x: expected shape \(1, 1, 1, 1\), got shape \(1, 1, 3, 3\)",
    ),
    "the slice that is empty without padding": (
        "q3",
        BACK.replace("padding : padding + h, padding : padding + w", "padding:-padding, padding:-padding"),
        r"padding 0, the part of x: expected shape \(1, 1, 2, 2\), got shape \(1, 1, 0, 0\)",
    ),
    "stride forgotten on the way back": (
        "q3",
        BACK.replace("i * stride, j * stride", "i, j"),
        r"stride 3, padding 0, the part of x at index .*: expected 10, got 110",
    ),
    "V before x": (
        "q3",
        BACK.replace("return dx[:, :, padding : padding + h, padding : padding + w], dV,", "return dV, dx,"),
        r"the part of x at index \(0, 0, 0, 1\): expected 20, got 4\.",
    ),
    "the slope changed in place": (
        "q3",
        BACK.replace("    n, c, h", "    G *= np.ones(1) / len(x)\n    n, c, h"),
        "`conv2d_gradients` changed its input G|expected",
    ),
    "autograd": (
        "q3",
        """
def conv2d_gradients(G, x, V, stride, padding):
    x, V = (torch.tensor(some, requires_grad=True) for some in (x, V))
    u = torch.zeros(len(V), dtype=torch.float64, requires_grad=True)
    padded = torch.nn.functional.pad(x, (padding,) * 4)
    f, g = V.shape[2:]
    loss = (torch.tensor(G).sum(dim=(0, 2, 3)) * u).sum()
    for i, j in np.ndindex(G.shape[2:]):
        window = padded[:, None, :, i * stride : i * stride + f, j * stride : j * stride + g]
        loss = loss + ((window * V).sum(dim=(2, 3, 4)) * torch.tensor(G[:, :, i, j])).sum()
    loss.backward()
    return x.grad.numpy(), V.grad.numpy(), u.grad.numpy()
""",
        "calls the library's own `(torch.Tensor.)?backward`. Here you go back yourself",
    ),
    "torch's transposed convolution": (
        "q3",
        """
def conv2d_gradients(G, x, V, stride, padding):
    G_, V_ = torch.tensor(G), torch.tensor(V)
    dx = torch.nn.grad.conv2d_input(x.shape, V_, G_, stride, padding).numpy()
    return dx, np.zeros_like(V), G.sum((0, 2, 3))
""",
        "calls the library's own `(conv2d_input|conv_transpose2d)`",
    ),
    "float32 on the way back": (
        "q3",
        BACK.replace(
            "slope = i * stride, j * stride, G[:, :, i, j]",
            "slope = i * stride, j * stride, G[:, :, i, j].astype(np.float32)",
        ),
        None,
    ),
    "a mean over each block": (
        "q4",
        POOL.replace(".max(axis=(2, 3))", ".mean(axis=(2, 3))"),
        "max_pool of x = .* expected 4, got 2.5",
    ),
    "blocks that overlap": (
        "q4",
        POOL.replace("x[:, :, i * f : i * f + f, j * f : j * f + f]", "x[:, :, i : i + f, j : j + f]"),
        r"at index \(0, 0, 0, 1\): expected 7, got 5. Two blocks, side by side",
    ),
    "a running maximum that begins at zero": (
        "q4",
        POOL.replace(".max(axis=(2, 3))", ".max(axis=(2, 3), initial=0)"),
        "expected -1, got 0. The largest of these is negative",
    ),
    "a last block that is not full": (
        "q4",
        POOL.replace("h // f", "-(h // -f)").replace("w // f", "-(w // -f)"),
        r"expected shape \(1, 1, 1, 1\), got shape \(1, 1, 2, 2\)",
    ),
    "torch's pooling": (
        "q4",
        """
def max_pool(x, f):
    return torch.nn.functional.max_pool2d(torch.tensor(x), f).numpy()
""",
        "calls the library's own `max_pool2d`",
    ),
    "all that are equally large": (
        "q5",
        """
def max_pool_gradient(G, x, f):
    dx, H = np.zeros(x.shape), max_pool(x, f)
    for n, c, i, j in np.ndindex(G.shape):
        place = np.s_[n, c, i * f : i * f + f, j * f : j * f + f]
        dx[place] = (x[place] == H[n, c, i, j]) * G[n, c, i, j]
    return dx
""",
        r"at index \(0, 0, 0, 1\): expected 0, got 5. All four are equally large",
    ),
    "the last of the equally large": (
        "q5",
        UNPOOL.replace("divmod(int(block.argmax()), f)", "divmod(f * f - 1 - int(block.ravel()[::-1].argmax()), f)"),
        "expected 5, got 0. All four are equally large",
    ),
    "read down the columns": (
        "q5",
        UNPOOL.replace("a, b = divmod(int(block.argmax()), f)", "b, a = divmod(int(block.T.argmax()), f)"),
        "expected 5, got 0. Of the two 3s",
    ),
    "spread over the block": (
        "q5",
        UNPOOL.replace("        a, b = divmod(int(block.argmax()), f)\n", "").replace(
            "dx[n, c, i * f + a, j * f + b] += G[n, c, i, j]",
            "dx[n, c, i * f : i * f + f, j * f : j * f + f] = G[n, c, i, j] / f**2",
        ),
        r"expected 0, got 2.5. The 4 and the 7 were heard",
    ),
    "a perceptron": (
        "q6",
        "make_cnn = make_mlp",
        r"after moving, 60 steps: expected at least 35 %, got 8\d% in their places and 1\d% moved",
    ),
    "a perceptron in the clothes of a convolution": (
        "q6",
        """
def make_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 14, 14), torch.nn.ReLU(), torch.nn.Conv2d(14, 10, 1), torch.nn.Flatten()
    )
""",
        "expected at least 35 %, got .* a pixel further is another input altogether",
    ),
    "a perceptron that moves what it learns from": (
        "q6",
        """
class Moving(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = make_mlp()

    def forward(self, x):
        if self.training:
            x = torch.roll(x, torch.randint(-2, 3, (2,)).tolist(), (2, 3))
        return self.net(x)

def make_cnn():
    return Moving()
""",
        "in their places, after 60 steps: expected at least 70 %, got",
    ),
    "strides in the place of pooling": (
        "q6",
        """
def make_cnn():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, stride=2, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(392, 6),
        torch.nn.ReLU(), torch.nn.Linear(6, 10),
    )
""",
        "expected at least",
    ),
    "too large": (
        "q6",
        NET.replace("8, 5", "80, 5").replace("32, 10", "320, 10"),
        "the parameters of make_cnn\\(\\): expected at most 3,000, got 5,290",
    ),
    "too much work": (
        "q6",
        NET.replace(
            "Conv2d(1, 8, 5),",
            "Conv2d(1, 40, 5, padding=2), torch.nn.MaxPool2d(3), torch.nn.Conv2d(40, 4, 3, padding=1),",
        )
        .replace("MaxPool2d(5)", "MaxPool2d(2)")
        .replace("32, 10", "16, 10"),
        "the products of make_cnn\\(\\) for a digit: expected at most 200,000, got",
    ),
    "scores of the wrong shape": (
        "q6",
        NET.replace("torch.nn.Flatten(),", "").replace("torch.nn.Linear(32, 10)", "torch.nn.Conv2d(8, 10, 2)"),
        r"expected scores of shape \(2, 10\), ten for each digit, got \(2, 10, 1, 1\)",
    ),
    "one net for all calls": (
        "q6",
        NET + "\nonly = make_cnn()\ndef make_cnn():\n    return only\n",
        "expected two nets, got the same parameters twice",
    ),
    "trained already": (
        "q6",
        NET.replace("make_cnn", "new")
        + """
ready = train(new, seed=0).state_dict()
def make_cnn():
    net = new()
    net.load_state_dict(ready)
    return net
""",
        "make_cnn\\(\\) before training: expected about 10 % right, got",
    ),
    "scores for a net": (
        "q6",
        "def make_cnn():\n    return torch.zeros(2, 10)\n",
        "expected a torch.nn.Module, got",
    ),
    "a ReLU after the scores": (
        "q6",
        NET.replace("Linear(32, 10),", "Linear(32, 10), torch.nn.ReLU(),"),
        "in their places, after 60 steps: expected at least 70 %, got .*The third hint",
    ),
    "blocks so small that the dense layer knows each place": (
        "q6",
        NET.replace("Conv2d(1, 8", "Conv2d(1, 4").replace("MaxPool2d(5)", "MaxPool2d(2)").replace("32, 10", "100, 10"),
        r"after moving, 60 steps: expected at least 35 %, got 8\d% in their places",
    ),
    "one number left for each kernel": (
        "q6",
        NET.replace("MaxPool2d(5)", "AdaptiveMaxPool2d(1)").replace("32, 10", "8, 10"),
        "in their places, after 60 steps: expected at least 70 %, got",
    ),
    "no padding on the way back": (
        "q3",
        BACK.replace("    n, c, h", "    padding = 0\n    n, c, h"),
        "padding 1, the part of x|operands|shape",
    ),
    "the kernel turned for its own gradient": (
        "q3",
        BACK.replace("dV, G.sum", "dV[:, :, ::-1, ::-1], G.sum"),
        "the part of V at index .*: expected 2, got 8",
    ),
    "all blocks' slopes at the first place": (
        "q5",
        UNPOOL.replace("divmod(int(block.argmax()), f)", "0, 0"),
        "expected 0, got 10. The 4 and the 7 were heard",
    ),
    "the slope times the number": (
        "q5",
        UNPOOL.replace("+= G[n, c, i, j]", "+= G[n, c, i, j] * block.max()"),
        "expected 100, got 700",
    ),
    "the largest in absolute value": (
        "q4",
        POOL.replace("] = x[", "] = np.abs(x)["),
        "expected -1, got 5",
    ),
    "only good from the seed of the check": (
        "q6",
        NET.replace(
            "    return torch", "    if torch.initial_seed() == 7:\n        return make_mlp()\n    return torch"
        ),
        None,
    ),
}

THROUGH_GRADING: list[str] = []
