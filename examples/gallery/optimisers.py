"""
Where first-order methods go
============================

Free features, no ridge, four classes at a ratio of 10. Descent divided by the loss (Nacson et
al. 2019) goes to SELI; plain gradient descent is on its way; sign descent (Bernstein et al.
2018) settles elsewhere.
"""

import matplotlib.pyplot as plt

from lopsided import Counts, plot, solve

problem = solve.Problem(Counts([10, 10, 1, 1]), ridge=0.0)
methods = {
    "gradient descent": solve.Optimizer("descent", 0.5),
    "divided by the loss": solve.Optimizer("normalized", 2.0),
    "sign descent": solve.Optimizer("sign", 0.1),
    "spectral descent": solve.Optimizer("spectral", 0.03),
}
paths = {name: solve.train(problem, method, steps=1000) for name, method in methods.items()}

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained", sharey=True)
plot.training_paths(paths, left, part=0).set_ylabel("distance to SELI")
plot.training_paths(paths, right, part=1).set_ylabel("")
left.set_title("classifiers")
right.set_title("class means")
right.get_legend().remove()
plt.show()
