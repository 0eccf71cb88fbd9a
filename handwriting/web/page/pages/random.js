// Random numbers as NumPy's default generator draws them, so that what a seed gives is what it gives
// in Python: PCG64 (O'Neill 2014) seeded through a SeedSequence, normal ones by the ziggurat of 256
// layers (Marsaglia and Tsang 2000).

const [WORD, MASK_64, MASK_128] = [0xffffffff, (1n << 64n) - 1n, (1n << 128n) - 1n];
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const [INIT_A, MULT_A, INIT_B, MULT_B] = [0x43b0d7e5, 0x931e8875, 0x8b51f9dd, 0x58f38ded];
const [MIX_LEFT, MIX_RIGHT, POOL] = [0xca01f9dd, 0x4973f715, 4];
const [TAIL, AREA, LAYERS] = [3.6541528853610088, 4.92867323399e-3, 256];

/** Draws numbers from a seed, a whole number from 0 on. */
export class Generator {
  #state;
  #increment;

  constructor(seed) {
    const [high, low, incHigh, incLow] = seedWords(seed);
    this.#increment = ((((incHigh << 64n) | incLow) << 1n) | 1n) & MASK_128;
    this.#state = this.#increment;
    this.#state = (this.#state + ((high << 64n) | low)) & MASK_128;
    this.#step();
  }

  #step() {
    this.#state = (this.#state * MULTIPLIER + this.#increment) & MASK_128;
  }

  /** The next 64 bits. */
  bits() {
    this.#step();
    const [high, low] = [this.#state >> 64n, this.#state & MASK_64];
    const turn = this.#state >> 122n;
    const mixed = high ^ low;
    return ((mixed >> turn) | (mixed << (-turn & 63n))) & MASK_64;
  }

  /** Uniform in [least, most). */
  uniform(least = 0, most = 1) {
    return least + (most - least) * (Number(this.bits() >> 11n) / 2 ** 53);
  }

  /** Standard normal. */
  normal() {
    for (;;) {
      const bits = this.bits();
      const layer = Number(bits & 0xffn);
      const isNegative = Boolean((bits >> 8n) & 1n);
      const whole = Number((bits >> 9n) & 0xfffffffffffffn);
      const x = (isNegative ? -1 : 1) * whole * WIDTHS[layer];
      if (whole < INSIDE[layer]) return x;
      if (layer === 0) return this.#fromTail((whole / 256) & 1);
      const height = (HEIGHTS[layer - 1] - HEIGHTS[layer]) * this.uniform() + HEIGHTS[layer];
      if (height < Math.exp(-0.5 * x * x)) return x;
    }
  }

  #fromTail(isNegative) {
    for (;;) {
      const x = -Math.log1p(-this.uniform()) / TAIL;
      const y = -Math.log1p(-this.uniform());
      if (2 * y > x * x) return isNegative ? -(TAIL + x) : TAIL + x;
    }
  }
}

/** Four words of 64 bits from a seed, as SeedSequence mixes them. */
function seedWords(seed) {
  const entropy = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  let constant = INIT_A;
  const mixed = (value) => {
    const taken = (value ^ constant) >>> 0;
    constant = Math.imul(constant, MULT_A) >>> 0;
    const product = Math.imul(taken, constant) >>> 0;
    return (product ^ (product >>> 16)) >>> 0;
  };
  const pool = Array.from({ length: POOL }, (_, at) => mixed(entropy[at] ?? 0));
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (from === to) continue;
      const value = (Math.imul(MIX_LEFT, pool[to]) - Math.imul(MIX_RIGHT, mixed(pool[from]))) >>> 0;
      pool[to] = (value ^ (value >>> 16)) >>> 0;
    }
  }
  constant = INIT_B;
  const words = Array.from({ length: 2 * POOL }, (_, at) => {
    const taken = (pool[at % POOL] ^ constant) >>> 0;
    constant = Math.imul(constant, MULT_B) >>> 0;
    const product = Math.imul(taken, constant) >>> 0;
    return BigInt((product ^ (product >>> 16)) & WORD) & 0xffffffffn;
  });
  return Array.from({ length: POOL }, (_, at) => words[2 * at] | (words[2 * at + 1] << 32n));
}

/** Of each layer: the whole numbers that are surely inside, its width for a whole number of 1, and
 * the curve's height at its edge. */
function layers() {
  const [inside, widths, heights] = [[], [], []];
  const curve = (x) => Math.exp(-0.5 * x * x);
  let [edge, before] = [TAIL, TAIL];
  const first = AREA / curve(edge);
  inside[0] = (edge / first) * 2 ** 52;
  inside[1] = 0;
  [widths[0], widths[LAYERS - 1]] = [first / 2 ** 52, edge / 2 ** 52];
  [heights[0], heights[LAYERS - 1]] = [1, curve(edge)];
  for (let at = LAYERS - 2; at > 0; at--) {
    edge = Math.sqrt(-2 * Math.log(AREA / edge + curve(edge)));
    inside[at + 1] = (edge / before) * 2 ** 52;
    before = edge;
    [heights[at], widths[at]] = [curve(edge), edge / 2 ** 52];
  }
  return [inside, widths, heights];
}

const [INSIDE, WIDTHS, HEIGHTS] = layers();
