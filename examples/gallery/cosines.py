"""
Who crowds whom: cosines at a ratio of 100
==========================================

Classifiers of rare classes lean on each other, class means of rare classes do not
(Thrampoulidis et al. 2022). One scale of colours for both.
"""

import matplotlib.pyplot as plt

from lopsided import Counts, plot, predict
from lopsided.plot.gram import strongest

counts = Counts.step(k=10, minority=10, ratio=100)
seli = predict.seli(counts)
top = strongest(seli.classifiers, seli.embeddings, counts=counts)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained")
plot.gram(seli.classifiers, left, counts=counts, limit=top).set_title("classifiers")
plot.gram(seli.embeddings, right, counts=counts, limit=top).set_title("class means")
plt.show()
