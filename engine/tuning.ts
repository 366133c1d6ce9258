// Which matmul kernel a product gets. The order of a sum depends on the kernel, so a choice once made is kept for the run:
// a table, filled by the tuner or read from a file, and for what it does not name a rule that depends on shapes alone.

import {
  fits,
  isPacked,
  type Layout,
  type MatmulAdapter,
  type MatmulSizes,
  type MatmulVariant,
  matmulVariants,
  NAIVE,
  type Precision,
} from "./matmul-variants.ts";

/** A choice of the tuner, as a file holds it. */
export interface TunedProduct {
  readonly layout: Layout;
  /** Tokens of the batch it was timed at: M, or K of a "TN" product. */
  readonly rows: number;
  /** The two sizes that the model fixes: N and K, or M and N of a "TN" product. */
  readonly sizes: readonly [number, number];
  /** Name of the fastest kernel. */
  readonly variant: string;
}

/** Rows and columns of a product from which panels of its operands are worth making. */
const WORTH_PANELS = 128;
/** For "TN", whose kernel is as fast on operands as they lie: products of an element of both, over what is copied. */
const WORTH_PANELS_TN = 256;

/** Elements of a product from which, where panels of B are there already, some of A are worth making. */
const WORTH_PANELS_OF_A = 1 << 14;
/** Time of a row of operands as they lie against one of panels, the copying aside. */
const COST_AS_THEY_LIE = 1.3;
/** Time of a row by another tile of panels against one by the adapter's first. */
const COST_OF_OTHER_TILE = 1.15;

/** Rows and fixed sizes of a product. */
function splitSizes(
  layout: Layout,
  { M, N, K }: MatmulSizes,
): { rows: number; sizes: [number, number] } {
  return layout === "TN" ? { rows: K, sizes: [M, N] } : { rows: M, sizes: [N, K] };
}

/** Rows that are computed of M, by whole tiles: of 33, a tile of 32 computes 64. */
const rowsOf = ({ tile }: MatmulVariant, M: number): number => Math.ceil(M / tile[0]) * tile[0];

/** Whether a product of panels is faster than `direct`, with the copying it takes. */
function paysToPack(
  layout: Layout,
  { M, N }: MatmulSizes,
  kept: boolean,
  packed: MatmulVariant,
  direct: MatmulVariant,
): boolean {
  if (layout === "TN") return (M * N) / (M + N) >= WORTH_PANELS_TN;
  if (!kept) return Math.min(M, N) >= WORTH_PANELS;
  return M * N >= WORTH_PANELS_OF_A && rowsOf(packed, M) <= COST_AS_THEY_LIE * rowsOf(direct, M);
}

/** Chooses the kernel of each product on an adapter. */
export class MatmulChoice {
  readonly variants: readonly MatmulVariant[];
  readonly #byName: ReadonlyMap<string, MatmulVariant>;
  // What the rule chooses from, without those that split K: on operands as they lie, the same by what a busy GPU runs best, and
  // on panels.
  readonly #direct: readonly MatmulVariant[];
  readonly #bestFirst: readonly MatmulVariant[];
  readonly #packed: readonly MatmulVariant[];
  readonly #adapter: MatmulAdapter;
  #table = new Map<string, { rows: number; variant: MatmulVariant }[]>();

  constructor(adapter: MatmulAdapter, precision: Precision) {
    this.variants = matmulVariants(adapter, precision);
    this.#byName = new Map(this.variants.map((variant) => [variant.name, variant]));
    const whole = this.variants.filter(({ split }) => split === 1);
    const area = ({ tile }: MatmulVariant): number => tile[0] * tile[1];
    this.#direct = whole.filter((variant) => !isPacked(variant));
    const largestFirst = this.#direct.toSorted((a, b) => area(b) - area(a));
    this.#bestFirst = [
      ...largestFirst.filter(({ matrices }) => matrices),
      ...largestFirst.filter(({ matrices }) => !matrices),
    ];
    this.#packed = whole.filter(isPacked);
    this.#adapter = adapter;
  }

  /** The variants that take a product. */
  candidates(layout: Layout, product: MatmulSizes): MatmulVariant[] {
    return this.variants.filter((variant) => this.#fits(variant, layout, product));
  }

  /** Replaces the table. Entries whose kernel this adapter does not have are left out; returns how many were taken. */
  use(products: readonly TunedProduct[]): number {
    this.#table = new Map();
    let taken = 0;
    for (const { layout, rows, sizes, variant: name } of products) {
      const variant = this.#byName.get(name);
      if (!variant) continue;
      const key = `${layout} ${sizes.join()}`;
      const entries = this.#table.get(key);
      if (entries) entries.push({ rows, variant });
      else this.#table.set(key, [{ rows, variant }]);
      taken++;
    }
    return taken;
  }

  /**
   * The kernel for a product: the tuned one of the nearest number of rows, else the first that gives enough workgroups. `kept`
   * tells that panels of B, once made, serve other products too.
   */
  choose(layout: Layout, product: MatmulSizes, kept = false): MatmulVariant {
    const { rows, sizes } = splitSizes(layout, product);
    const tuned = this.#table.get(`${layout} ${sizes.join()}`);
    if (tuned) {
      const distance = (entry: { rows: number }): number => Math.abs(Math.log(entry.rows / rows));
      const { variant } = tuned.reduce((best, entry) =>
        distance(entry) < distance(best) ? entry : best,
      );
      if (this.#fits(variant, layout, product)) return variant;
    }
    return this.byRule(layout, product, kept);
  }

  #fits(variant: MatmulVariant, layout: Layout, product: MatmulSizes): boolean {
    return fits(variant, layout, product, this.#adapter.limits);
  }

  private byRule(layout: Layout, product: MatmulSizes, kept: boolean): MatmulVariant {
    const { M, N } = product;
    const takes = (variant: MatmulVariant): boolean => this.#fits(variant, layout, product);
    const direct = this.#direct.find(takes);
    const [first, ...others] = this.#packed.filter(takes);
    const fewer = others.find((each) => COST_OF_OTHER_TILE * rowsOf(each, M) < rowsOf(first!, M));
    const packed = fewer ?? first;
    if (!direct || (!this.#adapter.software && M * N < 1024)) return NAIVE;
    if (packed && paysToPack(layout, product, kept, packed, direct)) return packed;
    if (this.#adapter.software) return direct;
    // Large tiles read less, but a GPU wants some hundred workgroups to be busy.
    const busy = ({ tile }: MatmulVariant): boolean =>
      Math.ceil(M / tile[0]) * Math.ceil(N / tile[1]) >= 128;
    return this.#bestFirst.find((variant) => takes(variant) && busy(variant)) ?? direct;
  }
}
