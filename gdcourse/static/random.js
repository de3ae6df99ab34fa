// Seeded randomness with a twin in gdcourse/explorer.py: the same seed gives the same minibatches and the same noise
// in the browser and in Python.

/** Mulberry32: a generator of numbers in [0, 1) that is small enough to read (Tommy Ettinger, public domain). */
export function uniforms(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let z = Math.imul(a ^ (a >>> 15), a | 1);
    z = (z + Math.imul(z ^ (z >>> 7), z | 61)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

/** Indices of `count` minibatches of n items, reshuffled (Fisher-Yates) at the start of every epoch. */
export function minibatches(n, batchSize, seed, count) {
  const random = uniforms(seed);
  const batches = [];
  const order = Array.from({ length: n }, (_, i) => i);
  for (let first = n; batches.length < count; first += batchSize) {
    if (first >= n) {
      for (let i = n - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      first = 0;
    }
    batches.push(order.slice(first, first + batchSize));
  }
  return batches;
}

/** `count` pairs of normal numbers with standard deviation sigma (Box and Muller). */
export function gaussians(sigma, seed, count) {
  const random = uniforms(seed);
  return Array.from({ length: count }, () => {
    const radius = sigma * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}
