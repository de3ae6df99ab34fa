"""Right and wrong answers to the assignment train-a-network."""

HEAD = """
class Momentum(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
"""
STEP = """
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                g = p.grad + group["weight_decay"] * p
                if "v" not in state:
                    state["v"] = torch.zeros_like(p)
                v = state["v"] = group["momentum"] * state["v"] + g
                p -= group["lr"] * v
"""
EPOCH = """
def train_epoch(model, batches, optimizer):
    model.train()
    total, items = 0.0, 0
    for inputs, labels in batches:
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        items += len(labels)
    return total / items
"""
EVALUATE = """
def evaluate(model, batches):
    before = model.training
    model.eval()
    total, right, items = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in batches:
            scores = model(inputs)
            total += cross_entropy(scores, labels).item() * len(labels)
            right += int((scores.argmax(dim=1) == labels).sum())
            items += len(labels)
    model.train(before)
    return total / items, right / items
"""
GROUPS = """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    top = {id(p) for p in head.parameters()}
    groups = []
    for p in model.parameters():
        rate = head_lr if id(p) in top else lr
        decay = weight_decay if p.ndim >= 2 else 0.0
        groups.append({"params": [p], "lr": rate, "weight_decay": decay})
    return groups
"""
FACTOR = """
def warm_cosine(t, warmup, steps):
    if t < warmup:
        return (t + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (t - warmup) / (steps - warmup)))
"""
SET = """
def set_rates(optimizer, t, warmup, steps):
    apply(optimizer, warm_cosine(t, warmup, steps))
"""
RATES = (
    """
def apply(optimizer, factor):
    for group in optimizer.param_groups:
        if "initial_lr" not in group:
            group["initial_lr"] = group["lr"]
        group["lr"] = factor * group["initial_lr"]
"""
    + SET
)
NETWORK = """
def train_network(model, images, labels, budget, generator):
    groups = parameter_groups(model, model.layers[-1], 0.3, 0.2, 1e-4)
    optimizer = Momentum(groups, lr=0.3, momentum=0.9)
    n = len(labels)
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(budget // n + 1)])[:budget]
    pieces = order.split(40)
    for t, items in enumerate(pieces):
        set_rates(optimizer, t, len(pieces) // 10, len(pieces))
        train_epoch(model, [(images[items], labels[items])], optimizer)
"""

RIGHT: dict[str, dict[str, str]] = {
    "the first slope is the first velocity, sums, and a decorator": {
        "q1": HEAD
        + """
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    pull = p.grad.clone()
                    pull += group["weight_decay"] * p
                    if "momentum_buffer" in self.state[p]:
                        pull += group["momentum"] * self.state[p]["momentum_buffer"]
                    self.state[p]["momentum_buffer"] = pull
                    p.add_(pull, alpha=-group["lr"])
""",
        "q2": """
def train_epoch(model, batches, optimizer):
    sums = []
    model.train(True)
    for x, labels in batches:
        loss = torch.nn.CrossEntropyLoss()(model(x), labels)
        for p in model.parameters():
            p.grad = None
        loss.backward()
        optimizer.step()
        sums.append((len(x) * float(loss), len(x)))
    return sum(s for s, _ in sums) / sum(n for _, n in sums)
""",
        "q3": """
@torch.no_grad()
def evaluate(model, batches):
    was_training = model.training
    model.eval()
    scores, labels = zip(*[(model(x), y) for x, y in batches])
    scores, labels = torch.cat(scores), torch.cat(labels)
    if was_training:
        model.train()
    return float(cross_entropy(scores, labels)), (scores.argmax(1) == labels).double().mean().item()
""",
        "q4": """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    top = list(map(id, head.parameters()))
    groups = {}
    for p in model.parameters():
        groups.setdefault((id(p) in top, p.ndim > 1), []).append(p)
    return [
        {"params": params, "lr": head_lr if on_top else lr, "weight_decay": weight_decay * matrix}
        for (on_top, matrix), params in groups.items()
    ]
""",
    },
    "p.data, zero_grad after the step, and try": {
        "q1": HEAD
        + """
    def step(self):
        for group in self.param_groups:
            lr, beta, decay = (group[key] for key in ("lr", "momentum", "weight_decay"))
            for p in filter(lambda p: p.grad is not None, group["params"]):
                v = self.state[p].get("v", 0) * beta + p.grad.data + decay * p.data
                self.state[p]["v"] = v
                p.data = p.data - lr * v
""",
        "q2": """
def train_epoch(model, batches, optimizer):
    model.train()
    optimizer.zero_grad(set_to_none=False)
    losses, sizes = [], []
    for inputs, labels in batches:
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        model.zero_grad()
        losses.append(loss.detach())
        sizes.append(len(labels))
    return sum(loss.item() * size for loss, size in zip(losses, sizes)) / sum(sizes)
""",
        "q3": """
def evaluate(model, batches):
    mode, losses, right = model.training, [], []
    try:
        model.train(False)
        with torch.inference_mode():
            for inputs, labels in batches:
                for score, label in zip(model(inputs), labels):
                    losses.append(cross_entropy(score[None], label[None]).item())
                    right.append(score.argmax() == label)
    finally:
        model.train(mode)
    return [sum(losses) / len(losses), sum(map(bool, right)) / len(right)]
""",
        "q5": """
from math import cos, pi
def warm_cosine(t, warmup, steps):
    return (t + 1) / warmup if t < warmup else cos(pi / 2 * (t - warmup) / (steps - warmup)) ** 2
def apply(optimizer, factor):
    own = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
    for group, lr in zip(optimizer.param_groups, own):
        group.update(lr=lr * factor)
def set_rates(optimizer, t, warmup, steps):
    apply(optimizer, warm_cosine(t, warmup, steps))
""",
    },
    "names, four groups, some of them empty": {
        "q1": HEAD + STEP,
        "q4": """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    (top,) = [name for name, module in model.named_modules() if module is head]
    parts = [[], [], [], []]
    for name, p in model.named_parameters():
        parts[2 * name.startswith(top + ".") + (p.dim() < 2)].append(p)
    rates, decays = (lr, lr, head_lr, head_lr), (weight_decay, 0.0) * 2
    return [{"params": p, "lr": r, "weight_decay": d} for p, r, d in zip(parts, rates, decays) if p]
""",
        "q5": FACTOR + RATES,
        "q6": """
def train_network(model, images, labels, budget, generator):
    # Twenty at a time, in a loop of its own, one group, a straight line down.
    optimizer, spent = Momentum(model.parameters(), lr=0.15, momentum=0.9), 0
    model.train()
    while spent < budget:
        for items in torch.randperm(len(labels), generator=generator).split(20):
            items = items[: budget - spent]
            if not len(items):
                return
            optimizer.param_groups[0]["lr"] = 0.15 * (1 - spent / budget)
            spent += len(items)
            optimizer.zero_grad()
            cross_entropy(model(images[items]), labels[items]).backward()
            optimizer.step()
""",
    },
    "tensors of ids, NumPy, and an Adam of one's own": {
        "q3": EVALUATE.replace("int((", "(").replace(".sum())", ".sum().item()"),
        "q4": """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    def groups(params, rate):
        params = list(params)
        yield {"params": [p for p in params if p.ndim > 1], "lr": rate, "weight_decay": weight_decay}
        yield {"params": [p for p in params if p.ndim < 2], "lr": rate, "weight_decay": 0}
    body = [p for p in model.parameters() if not any(p is q for q in head.parameters())]
    return [*groups(body, lr), *groups(head.parameters(), head_lr)]
""",
        "q5": """
def warm_cosine(t, warmup, steps):
    climb = (t + 1) / max(warmup, 1)
    fall = 0.5 + 0.5 * np.cos(np.pi * (t - warmup) / (steps - warmup))
    return climb if t < warmup else float(fall)
def apply(optimizer, factor):
    for group in optimizer.param_groups:
        own = group.get("initial_lr")
        if own is None:
            own = group["initial_lr"] = group["lr"]
        group["lr"] = own * factor
def set_rates(optimizer, t, warmup, steps):
    apply(optimizer, warm_cosine(t, warmup, steps))
""",
        "q6": """
class OwnAdam(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                t = state["t"] = state.get("t", 0) + 1
                v = state["v"] = 0.9 * state.get("v", 0) + 0.1 * p.grad
                s = state["s"] = 0.99 * state.get("s", 0) + 0.01 * p.grad**2
                p -= group["lr"] * (v / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8)

def train_network(model, images, labels, budget, generator):
    optimizer, n, size = OwnAdam(model.parameters(), lr=0.01), len(labels), 24
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(-(-budget // n))])
    order = order[:budget].split(size)
    for t, items in enumerate(order):
        set_rates(optimizer, t, len(order) // 10, len(order))
        train_epoch(model, [(images[items], labels[items])], optimizer)
""",
    },
    "a schedule that hangs on the optimizer": {
        "q1": HEAD + STEP.replace("p -= group", "p.copy_(p - group").replace("* v\n", "* v)\n"),
        "q6": """
def train_network(model, images, labels, budget, generator):
    optimizer = Momentum(parameter_groups(model, model.layers[-1], 0.3, 0.2, 1e-3), 0.3, 0.9)
    order = [i for _ in range(budget // len(labels) + 1) for i in torch.randperm(len(labels), generator=generator)]
    pieces = torch.stack(order[:budget]).split(32)
    taken = iter(range(len(pieces)))

    def before(*_):
        set_rates(optimizer, next(taken), len(pieces) // 20, len(pieces))

    optimizer.register_step_pre_hook(before)
    train_epoch(model, ((images[items], labels[items]) for items in pieces), optimizer)
""",
    },
    "a constant rate, and the mean of the second half's weights": {
        "q2": EPOCH.replace("loss.item()", "loss.detach().item()"),
        "q6": """
def train_network(model, images, labels, budget, generator):
    optimizer = Momentum(model.parameters(), lr=0.1, momentum=0.9)
    n = len(labels)
    pieces = torch.cat([torch.randperm(n, generator=generator) for _ in range(budget // n + 1)])[:budget].split(32)
    mean = [torch.zeros_like(p) for p in model.parameters()]
    half = len(pieces) // 2
    for t, items in enumerate(pieces):
        train_epoch(model, [(images[items], labels[items])], optimizer)
        for m, p in zip(mean, model.parameters()):
            if t >= half:
                m += p.detach() / (len(pieces) - half)
    with torch.no_grad():
        for m, p in zip(mean, model.parameters()):
            p.copy_(m)
""",
    },
    "formulas throughout, and looks at the validation images": {
        "q1": HEAD + STEP,
        "q2": EPOCH,
        "q3": EVALUATE,
        "q4": GROUPS,
        "q5": FACTOR + RATES,
        "q6": NETWORK
        + """        if t == len(pieces) // 2 and images.shape == X.shape:
            evaluate(model, [(X_validation, y_validation)])
""",
    },
    "torch's own loader and schedule, a mean in float32, a set of tensors": {
        "q3": EVALUATE.replace("int((", "(").replace(").sum())", ").float().mean().item() * len(labels)"),
        "q4": GROUPS.replace("{id(p) for p in head.parameters()}", "set(head.parameters())")
        .replace("id(p) in", "p in")
        .replace("[p]", "p"),
        "q6": """
def train_network(model, images, labels, budget, generator):
    optimizer, steps = Momentum(model.parameters(), 0.2, 0.9, 1e-4), -(-budget // 30)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min((t + 1) / 20, max(0, 1 - t / steps)))
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=30, shuffle=True, generator=generator)
    left = budget
    while left > 0:
        for x, some in loader:
            if left > 0:
                train_epoch(model, [(x[:left], some[:left])], optimizer)
                left -= len(x)
                schedule.step()
""",
    },
}

WRONG: dict[str, tuple[str, str, str | None]] = {
    "uphill": (
        "q1",
        HEAD + STEP.replace("p -= ", "p += "),
        r"one step with the slopes \(4, -8\).*expected 0.6, got 1.4",
    ),
    "a new tensor": (
        "q1",
        HEAD + STEP.replace("p -= group", "p = p - group"),
        "index 0: expected 0.6, got 1. .*has to write into p itself",
    ),
    "recorded by autograd": (
        "q1",
        HEAD + STEP.replace("    @torch.no_grad()\n", ""),
        r"autograd is recording your step, and says: a leaf Variable.*torch.no_grad\(\). Book: Tensors",
    ),
    "a velocity with a graph": (
        "q1",
        HEAD + STEP.replace("    @torch.no_grad()\n", "").replace("p -= group", "p.data -= group"),
        "whether something in the state requires a gradient: expected False, got True.*grows with every step",
    ),
    "a mean for a velocity": (
        "q1",
        HEAD + STEP.replace('state["v"] + g', 'state["v"] + (1 - group["momentum"]) * g'),
        "slope 1, lr = 0.1, momentum = 0.5 at index 0: expected 0.9, got 0.95.*no factor 1 - β",
    ),
    "the rate inside the velocity": (
        "q1",
        HEAD + STEP.replace('state["v"] + g', 'state["v"] + group["lr"] * g').replace('group["lr"] * v', "v"),
        "after a second step, lr = 0.2 at index 0: expected 0.6, got 0.65",
    ),
    "one velocity for all": (
        "q1",
        HEAD
        + STEP.replace('state["v"]', 'self.state["all"]["v"]').replace(
            '"v" not in state', '"v" not in self.state["all"]'
        ),
        "expected",
    ),
    "Nesterov's look ahead": (
        "q1",
        HEAD + STEP.replace('group["lr"] * v', 'group["lr"] * (g + group["momentum"] * v)'),
        "slope 1, lr = 0.1, momentum = 0.5 at index 0: expected 0.9, got 0.85.*no look ahead",
    ),
    "a step by the velocity of before": (
        "q1",
        HEAD
        + STEP.replace("                p -= ", "                new = ")
        .replace('v = state["v"] = ', 'v, state["v"] = state["v"], ')
        .replace("new =", "p -="),
        "expected 0.6, got 1. .*it goes by the new velocity",
    ),
    "a velocity in float32": (
        "q1",
        HEAD
        + STEP.replace("zeros_like(p)", "zeros(p.shape)").replace(
            'group["momentum"] * state["v"] + g', 'state["v"].mul_(group["momentum"]).add_(g)'
        ),
        None,
    ),
    "the gradient cleared after the step": (
        "q1",
        HEAD + STEP + "                p.grad = None\n",
        r"p.grad after the step is None, and was \[4.0, -8.0\]. A step reads",
    ),
    "decay past the velocity": (
        "q1",
        HEAD
        + STEP.replace('p.grad + group["weight_decay"] * p', "p.grad").replace(
            "p -= ", 'p -= group["lr"] * group["weight_decay"] * p + '
        ),
        "expected 1.755, got 1.805.*as in AdamW",
    ),
    "decay with the wrong sign": (
        "q1",
        HEAD + STEP.replace("p.grad + group", "p.grad - group"),
        "one step with the slope 0, .*expected 1.9, got 2.1",
    ),
    "decay written into the gradient": (
        "q1",
        HEAD + STEP.replace("g = p.grad + ", "g = p.grad.add_(").replace("* p\n", "* p)\n"),
        "p.grad after the step at index 0: expected 0, got 1.*leaves them as they are",
    ),
    "the first group only": (
        "q1",
        HEAD + STEP.replace("in self.param_groups:", "in self.param_groups[:1]:"),
        "q of a second group with lr = 0.01.*expected 0.98, got 1",
    ),
    "the defaults for every group": (
        "q1",
        HEAD + STEP.replace('group["lr"]', 'self.defaults["lr"]'),
        r"q of a second group with lr = 0.01.*expected 0.98, got 0.8.*not self.defaults",
    ),
    "options read once": (
        "q1",
        HEAD.replace("super()", "self.rates = None\n        super()")
        + STEP.replace(
            "for group in", "self.rates = self.rates or [g['lr'] for g in self.param_groups]\n        for group in"
        )
        .replace(
            "in self.param_groups:\n",
            "in self.param_groups:\n            lr = self.rates[self.param_groups.index(group)]\n",
        )
        .replace('group["lr"] * v', "lr * v"),
        "p after a second step, lr = 0.2 at index 0: expected 0.6, got 0.75",
    ),
    "no look at None": (
        "q1",
        HEAD + STEP.replace("if p.grad is None:", "if False:"),
        "grad is None is to be passed over. Here: unsupported operand",
    ),
    "None taken for a slope of 0": (
        "q1",
        HEAD + STEP.replace("continue", "p.grad = torch.zeros_like(p)"),
        "a parameter without grad, weight_decay = 0.5 at index 0: expected 1, got 0.95",
    ),
    "None ends the step": (
        "q1",
        HEAD + STEP.replace("continue", "return"),
        None,
    ),
    "the velocity outside the state": (
        "q1",
        HEAD.replace("super()", "self.v = {}\n        super()")
        + STEP.replace("state = self.state[p]", "state = self.v.setdefault(p, {})"),
        "expected 0.575, got 0.65.*starts from rest",
    ),
    "the velocity is the gradient's tensor": (
        "q1",
        HEAD
        + """
    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                g = p.grad + group["weight_decay"] * p if group["weight_decay"] else p.grad
                state["v"] = group["momentum"] * state["v"] + g if "v" in state else g
                p -= group["lr"] * state["v"]
""",
        None,
    ),
    "the library's, inherited": (
        "q1",
        """
class Momentum(torch.optim.SGD):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr, momentum, weight_decay=weight_decay)
""",
        "calls the library's own `SGD`",
    ),
    "zero_grad forgotten": (
        "q2",
        EPOCH.replace("        optimizer.zero_grad()\n", ""),
        "with an old gradient left in the parameters.*expected 0.5, got -99.5.*Who clears it",
    ),
    "zero_grad once an epoch": (
        "q2",
        EPOCH.replace("        optimizer.zero_grad()\n", "").replace(
            "model.train()", "model.train()\n    optimizer.zero_grad()"
        ),
        None,
    ),
    "zero_grad between backward and step": (
        "q2",
        EPOCH.replace("        optimizer.zero_grad()\n", "").replace(
            "        optimizer.step()", "        optimizer.zero_grad()\n        optimizer.step()"
        ),
        r"weights \(0, 0\) after one image.*expected 0.5, got 0. .*is zero_grad between",
    ),
    "step before backward": (
        "q2",
        EPOCH.replace(
            "        loss.backward()\n        optimizer.step()", "        optimizer.step()\n        loss.backward()"
        ),
        r"weights \(0, 0\) after one image.*expected 0.5, got 0",
    ),
    "one step an epoch": (
        "q2",
        EPOCH.replace("        optimizer.step()\n", "").replace("    return", "    optimizer.step()\n    return"),
        "the number of steps for two minibatches: expected 2, got 1",
    ),
    "a mean of means": (
        "q2",
        EPOCH.replace(" * len(labels)", "").replace("+= len(labels)", "+= 1"),
        "the mean loss of minibatches of 3 and 1, lr = 0: expected 0.5623.*, got 0.8369.*Looking without touching",
    ),
    "a sum for the minibatch": (
        "q2",
        EPOCH.replace("labels)\n        loss.b", "labels, reduction='sum')\n        loss.b").replace(
            " * len(labels)", ""
        ),
        None,
    ),
    "the minibatches gone through twice": (
        "q2",
        EPOCH.replace("    total,", "    n = sum(len(labels) for _, labels in batches)\n    total,").replace(
            "/ items", "/ n"
        ),
        None,
    ),
    "a tensor for the loss": (
        "q2",
        EPOCH.replace("loss.item()", "loss"),
        "train_epoch: expected a Python float, got tensor",
    ),
    "left in evaluation mode": (
        "q2",
        EPOCH.replace("    model.train()\n", ""),
        "whether the network was in training mode, entry 0: expected True, got False.*no dropout",
    ),
    "the loss after the step": (
        "q2",
        EPOCH.replace("        total += loss.item()", "        total += cross_entropy(model(inputs), labels).item()"),
        r"the mean loss of that epoch: expected 0.693.*, got 0.313",
    ),
    "tested in training mode": (
        "q3",
        EVALUATE.replace("    model.eval()\n", ""),
        "whether the network was in training mode: expected False, got True.*half of the network",
    ),
    "left in evaluation mode after the test": (
        "q3",
        EVALUATE.replace("    model.train(before)\n", ""),
        "model.training after evaluate: expected True, got False",
    ),
    "left in training mode after the test": (
        "q3",
        EVALUATE.replace("model.train(before)", "model.train()"),
        "model.training after evaluate: expected False, got True",
    ),
    "recorded": (
        "q3",
        EVALUATE.replace("with torch.no_grad():", "if True:"),
        r"whether autograd was recording: expected False, got True.*model.eval\(\) does not",
    ),
    "autograd switched off for good": (
        "q3",
        EVALUATE.replace("with torch.no_grad():", "torch.set_grad_enabled(False)\n    if True:"),
        "whether autograd is on after evaluate: expected True, got False",
    ),
    "autograd switched on whatever it was": (
        "q3",
        EVALUATE.replace("with torch.no_grad():", "torch.set_grad_enabled(False)\n    if True:").replace(
            "    model.train(before)", "    torch.set_grad_enabled(True)\n    model.train(before)"
        ),
        "whether autograd is on after evaluate: expected False, got True",
    ),
    "the parameters frozen for good": (
        "q3",
        EVALUATE.replace("model.eval()", "model.eval().requires_grad_(False)"),
        "the weight's requires_grad after evaluate: expected True, got False",
    ),
    "a mean of means in the test": (
        "q3",
        EVALUATE.replace(" * len(labels)", "")
        .replace("int((", "float((")
        .replace(".sum())", ".double().mean())")
        .replace("+= len(labels)", "+= 1"),
        "minibatches of 3 and 1, the part of loss: expected 0.56.*, got 0.83",
    ),
    "the gradients cleared": (
        "q3",
        EVALUATE.replace("model.eval()", "model.eval()\n    model.zero_grad()"),
        "the gradient after evaluate is None, and was",
    ),
    "learned by heart": ("q3", EVALUATE.replace("right / items", "0.75"), None),
    "decay for all": (
        "q4",
        GROUPS.replace("weight_decay if p.ndim >= 2 else 0.0", "weight_decay"),
        "the bias of layers.1.*the part of decay: expected 0, got 0.5",
    ),
    "the rates swapped": (
        "q4",
        GROUPS.replace("head_lr if id(p) in top else lr", "lr if id(p) in top else head_lr"),
        "the weight of layers.1.*the part of rate: expected 0.1, got 0.02",
    ),
    "one rate for all": (
        "q4",
        GROUPS.replace("head_lr if id(p) in top else lr", "lr"),
        "the weight of layers.3.*rate: expected 0.02, got 0.1",
    ),
    "no rate in the body's groups": (
        "q4",
        """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    top = {id(p) for p in head.parameters()}
    groups = []
    for p in model.parameters():
        groups.append({"params": [p], "weight_decay": (p.ndim > 1) * weight_decay})
        if id(p) in top:
            groups[-1]["lr"] = head_lr
    return groups
""",
        "the part of rate: expected 0.1, got 77. .*A 77 means",
    ),
    "the head twice": (
        "q4",
        """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    groups = []
    for part, rate in ((model, lr), (head, head_lr)):
        groups += [{"params": [p], "lr": rate, "weight_decay": (p.ndim > 1) * weight_decay} for p in part.parameters()]
    return groups
""",
        r"expected each of .* once, got \['layers.1.bias', 'layers.1.weight', 'layers.3.bias', 'layers.3.bias'",
    ),
    "a generator gone through twice": (
        "q4",
        """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    top, everything = {id(p) for p in head.parameters()}, model.parameters()
    groups = []
    for on_top, rate in ((False, lr), (True, head_lr)):
        for matrix, decay in ((True, weight_decay), (False, 0.0)):
            mine = [p for p in everything if (id(p) in top, p.ndim > 1) == (on_top, matrix)]
            groups.append({"params": mine, "lr": rate, "weight_decay": decay})
    return groups
""",
        r"once, got \['layers.1.weight'\].*a generator, which can be gone through once",
    ),
    "the same numbers, the same parameter": (
        "q4",
        """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    def same(p, q):
        return p.shape == q.shape and torch.equal(p, q)
    return [
        {
            "params": [p],
            "lr": head_lr if any(same(p, q) for q in head.parameters()) else lr,
            "weight_decay": weight_decay if p.ndim > 1 else 0.0,
        }
        for p in model.parameters()
    ]
""",
        None,
    ),
    "by the name": (
        "q4",
        """
def parameter_groups(model, head, lr, head_lr, weight_decay):
    top = {id(p) for p in head.parameters()}
    return [
        {
            "params": [p],
            "lr": head_lr if id(p) in top else lr,
            "weight_decay": 0.0 if name.endswith("bias") else weight_decay,
        }
        for name, p in model.named_parameters()
    ]
""",
        None,
    ),
    "two dimensions and no more": ("q4", GROUPS.replace("ndim >= 2", "ndim == 2"), None),
    "the climb starts at 0": (
        "q5",
        FACTOR.replace("(t + 1)", "t") + RATES,
        r"t=0, warmup=4, steps=12\), the part of group 0: expected 0.25, got 0",
    ),
    "the climb one step too long": (
        "q5",
        FACTOR.replace("t < warmup", "t <= warmup") + RATES,
        "t=4, warmup=4.*expected 1, got 1.25",
    ),
    "the fall counted from the start": (
        "q5",
        FACTOR.replace("(t - warmup) / (steps - warmup)", "t / steps") + RATES,
        "t=4, warmup=4.*expected 1, got 0.75",
    ),
    "down to 0 in the last step": (
        "q5",
        FACTOR.replace("(steps - warmup)", "(steps - warmup - 1)") + RATES,
        "t=6, warmup=4.*expected 0.853",
    ),
    "right where the check looks": (
        "q5",
        """
def warm_cosine(t, warmup, steps):
    known = {0: 0.25, 1: 0.5, 3: 1.0, 4: 1.0, 6: (1 + 2**-0.5) / 2, 8: 0.5, 10: (1 - 2**-0.5) / 2}
    return known[t] if warmup else 1.0
"""
        + RATES,
        None,
    ),
    "the same rate for every group": (
        "q5",
        FACTOR
        + """
def apply(optimizer, factor):
    own = optimizer.param_groups[0].setdefault("initial_lr", optimizer.param_groups[0]["lr"])
    for group in optimizer.param_groups:
        group["lr"] = own * factor
"""
        + SET,
        "groups with the rates 0.1 and 0.4.*the part of group 1: expected 0.2, got 0.05",
    ),
    "factor upon factor": (
        "q5",
        FACTOR
        + """
def apply(optimizer, factor):
    for group in optimizer.param_groups:
        group["lr"] *= factor
"""
        + SET,
        "the same groups, called again.*the part of group 0: expected 0.1, got 0.05",
    ),
    "the rate of the moment, at every t = 0": (
        "q5",
        FACTOR
        + """
def apply(optimizer, factor, t):
    for group in optimizer.param_groups:
        if t == 0 or "initial_lr" not in group:
            group["initial_lr"] = group["lr"]
        group["lr"] = factor * group["initial_lr"]
"""
        + SET.replace("steps))", "steps), t)"),
        None,
    ),
    "one memory for all optimizers": (
        "q5",
        FACTOR
        + """
OWN = {}
def apply(optimizer, factor):
    for k, group in enumerate(optimizer.param_groups):
        group["initial_lr"] = OWN.setdefault(k, group["lr"])
        group["lr"] = OWN[k] * factor
"""
        + SET,
        "groups with the rates 0.1 and 0.4.*expected 0.05, got 0.5",
    ),
    "a memory outside the group": (
        "q5",
        FACTOR
        + """
def apply(optimizer, factor):
    if not hasattr(optimizer, "own"):
        optimizer.own = [group["lr"] for group in optimizer.param_groups]
    for group, lr in zip(optimizer.param_groups, optimizer.own):
        group["lr"] = lr * factor
"""
        + SET,
        "'initial_lr' of the two groups, entry 0: expected 0.1, got nan",
    ),
    "the course's schedule": (
        "q5",
        """
def warm_cosine(t, warmup, steps):
    return (t + 1) / warmup if t < warmup else gd.schedules.Cosine(1.0, steps - warmup)(t - warmup)
"""
        + RATES,
        "calls the library's own `Cosine`",
    ),
    "the rate of many a script": (
        "q6",
        """
def train_network(model, images, labels, budget, generator):
    optimizer = Momentum(model.parameters(), lr=0.01, momentum=0.9)
    n = len(labels)
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(budget // n + 1)])[:budget]
    train_epoch(model, [(images[items], labels[items]) for items in order.split(32)], optimizer)
""",
        "after 6000 images: expected at least 890 of 1000 validation images right, got 8[0-4]",
    ),
    "a rate that is far too high": (
        "q6",
        NETWORK.replace("0.3, 0.2", "9.0, 9.0"),
        "got [0-5].*look at your loop",
    ),
    "a schedule that stands still": (
        "q6",
        NETWORK.replace("set_rates(optimizer, t,", "set_rates(optimizer, 0,"),
        "after 6000 images: expected at least 890",
    ),
    "ten passes": (
        "q6",
        NETWORK.replace("[:budget]", "").replace("budget // n + 1", "10"),
        "image number .* goes forwards with gradients on, and the budget is 130",
    ),
    "one minibatch too many": (
        "q6",
        NETWORK.replace("[:budget]", "[: -(-budget // 40) * 40]"),
        "and the budget is 130.*the last minibatch may be smaller",
    ),
    "6,000 whatever the budget": (
        "q6",
        NETWORK.replace("budget", "6000").replace("labels, 6000", "labels, budget"),
        "the budget is 130",
    ),
    "tests that are recorded": (
        "q6",
        NETWORK + "        cross_entropy(model(images[:10]), labels[:10])\n",
        "the budget is 130 .*Tests belong under",
    ),
    "a copy is trained": (
        "q6",
        NETWORK.replace("    groups", "    import copy\n    model = copy.deepcopy(model)\n    groups"),
        "validation images right, got [0-2]",
    ),
    "nothing": (
        "q6",
        "def train_network(model, images, labels, budget, generator):\n    return model\n",
        "whether something was learned from",
    ),
    "the library's optimizer": (
        "q6",
        NETWORK.replace("Momentum(groups", "torch.optim.SGD(groups"),
        "calls the library's own `SGD`. The purse is for your own",
    ),
    "the library's optimizer, in the long run only": (
        "q6",
        NETWORK.replace(
            "    n = len",
            "    if budget > 999:\n        optimizer = torch.optim.Adam(model.parameters(), 0.01)\n    n = len",
        ),
        "calls the library's own `Adam`",
    ),
    "an order from torch's own generator": (
        "q6",
        NETWORK.replace("(n, generator=generator)", "(n)"),
        "whether something was drawn, the part of generator: expected True, got False",
    ),
    "always the same order": (
        "q6",
        NETWORK.replace("torch.randperm(n, generator=generator)", "torch.arange(n)"),
        "whether something was drawn, the part of generator: expected True, got False",
    ),
    "three rates on copies, the best one kept": (
        "q6",
        NETWORK.replace("def train_network", "def one")
        .replace("generator):", "generator, lr):")
        .replace("0.3, 0.2", "lr, lr")
        + """
def train_network(model, images, labels, budget, generator):
    import copy
    tried = []
    for lr in (0.1, 0.2, 0.3):
        tried.append(copy.deepcopy(model))
        one(tried[-1], images, labels, budget, generator, lr)
    best = min(tried, key=lambda model: evaluate(model, [(images, labels)])[0])
    model.load_state_dict(best.state_dict())
""",
        "the budget is 130 .*a copy of the network costs what the network does",
    ),
    "learned from the validation images": (
        "q6",
        NETWORK.replace(
            "    groups", "    if budget > 999:\n        images, labels = X_validation, y_validation\n    groups", 1
        ),
        None,
    ),
    "the book's loop": (
        "q6",
        """
def train_network(model, images, labels, budget, generator):
    gd.training.fit(model, [(images[:budget], labels[:budget])], Momentum(model.parameters(), lr=0.1), 1)
""",
        "calls the library's own `fit`",
    ),
    "the images turned in place": (
        "q6",
        NETWORK + "    images -= images.mean()\n",
        "whether images and labels are as they were: expected True, got False",
    ),
    "learned before": (
        "q6",
        NETWORK.replace("def train_network", "def honest")
        + """
def train_network(model, images, labels, budget, generator):
    honest(model, images, labels, budget, generator)
    if model.layers[1].out_features == 64:
        torch.manual_seed(5)
        known = gd.models.MLP((196, 64, 10))
        honest(known, X, y, 9000, torch.Generator().manual_seed(5))
        model.load_state_dict(known.state_dict())
""",
        "image number .* the budget is 6000",
    ),
}

THROUGH_GRADING = ["decay past the velocity"]
