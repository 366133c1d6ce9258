// The global L2 norm of all gradients and the factor that clips it to a maximum, torch.nn.utils.clip_grad_norm_:
//   factor = min(1, max / (norm + 1e-6)); max 0 stands for no clipping. Pascanu et al. 2013, arXiv:1211.5063, section 3.2.

export function gradientNorm(gradients: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < gradients.length; i++) sum += gradients[i]! ** 2;
  return Math.sqrt(sum);
}

export function clipFactor(norm: number, maxNorm: number): number {
  return maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}
