#pragma once

namespace gmmvae {

/// P(X <= x) for X chi-square with `degrees` degrees of freedom: the regularised lower incomplete gamma
/// function P(degrees/2, x/2), by its series below the mean and Lentz's continued fraction above. Relative
/// error near 1e-14.
double chi_square_cdf(double x, double degrees);

/// The x with chi_square_cdf(x, degrees) = probability, for a probability in (0, 1); throws UsageError
/// outside.
double chi_square_quantile(double probability, double degrees);

}  // namespace gmmvae
