// Which matmul kernel a product gets. The order of a sum depends on the kernel, so a choice once made is kept for the run:
// a table, filled by the tuner or read from a file, and for what it does not name a rule that depends on shapes alone.

import {
  fits,
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

/** Rows and columns of a product from which transposed copies of its operands are worth making. */
const WORTH_COPIES = 128;

/** Rows and fixed sizes of a product. */
export function splitSizes(
  layout: Layout,
  { M, N, K }: MatmulSizes,
): { rows: number; sizes: [number, number] } {
  return layout === "TN" ? { rows: K, sizes: [M, N] } : { rows: M, sizes: [N, K] };
}

/** Chooses the kernel of each product on an adapter. */
export class MatmulChoice {
  readonly variants: readonly MatmulVariant[];
  readonly #byName: ReadonlyMap<string, MatmulVariant>;
  readonly #largestFirst: readonly MatmulVariant[];
  readonly #adapter: MatmulAdapter;
  #table = new Map<string, { rows: number; variant: MatmulVariant }[]>();

  constructor(adapter: MatmulAdapter, precision: Precision) {
    this.variants = matmulVariants(adapter, precision);
    this.#byName = new Map(this.variants.map((variant) => [variant.name, variant]));
    const area = ({ tile }: MatmulVariant): number => tile[0] * tile[1];
    this.#largestFirst = this.variants.toSorted((a, b) => area(b) - area(a));
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

  /** The kernel for a product: the tuned one of the nearest number of rows, else the first that gives enough workgroups. */
  choose(layout: Layout, product: MatmulSizes): MatmulVariant {
    const { rows, sizes } = splitSizes(layout, product);
    const tuned = this.#table.get(`${layout} ${sizes.join()}`);
    if (tuned) {
      const distance = (entry: { rows: number }): number => Math.abs(Math.log(entry.rows / rows));
      const { variant } = tuned.reduce((best, entry) =>
        distance(entry) < distance(best) ? entry : best,
      );
      if (this.#fits(variant, layout, product)) return variant;
    }
    return this.byRule(layout, product);
  }

  #fits(variant: MatmulVariant, layout: Layout, product: MatmulSizes): boolean {
    return fits(variant, layout, product, this.#adapter.limits);
  }

  private byRule(layout: Layout, product: MatmulSizes): MatmulVariant {
    const { M, N } = product;
    // A copy of an operand must be read often to pay for itself.
    const reads = (variant: MatmulVariant): boolean =>
      variant.reads.includes(layout) || Math.min(M, N) >= WORTH_COPIES;
    const takes = (variant: MatmulVariant): boolean =>
      variant.split === 1 && this.#fits(variant, layout, product) && reads(variant);
    const safe = this.variants.find(takes);
    if (!safe || (!this.#adapter.software && M * N < 1024)) return NAIVE;
    if (this.#adapter.software) return safe;
    // Large tiles read less, but a GPU wants some hundred workgroups to be busy.
    const busy = ({ tile }: MatmulVariant): boolean =>
      Math.ceil(M / tile[0]) * Math.ceil(N / tile[1]) >= 128;
    return this.#largestFirst.find((variant) => takes(variant) && busy(variant)) ?? safe;
  }
}
