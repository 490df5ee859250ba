"""The bibliography: every member of every table cites from here."""

from __future__ import annotations

from typing import NamedTuple


class Paper(NamedTuple):
    """A paper.

    Attributes:
        authors: as a reader would cite them.
        year: of the version whose statements are meant.
        title: in full.
        arxiv: number on arXiv; empty where it is not there.
    """

    authors: str
    year: int
    title: str
    arxiv: str


#: Key -> paper.
PAPERS: dict[str, Paper] = {
    "alshammari2022": Paper(
        "Alshammari et al.",
        2022,
        "Long-Tailed Recognition via Weight Balancing",
        "2203.14197",
    ),
    "ammar2024": Paper(
        "Ammar et al.",
        2024,
        "NECO: NEural Collapse Based Out-of-distribution Detection",
        "2310.06823",
    ),
    "andriopoulos2024": Paper(
        "Andriopoulos et al.",
        2024,
        "The Prevalence of Neural Collapse in Neural Multivariate Regression",
        "2409.04180",
    ),
    "beaglehole2024": Paper(
        "Beaglehole et al.",
        2024,
        "Average Gradient Outer Product as a Mechanism for Deep Neural Collapse",
        "2402.13728",
    ),
    "behnia2023": Paper(
        "Behnia et al.",
        2023,
        "On the Implicit Geometry of Cross-Entropy Parameterizations for Label-Imbalanced Data",
        "2303.07608",
    ),
    "bernstein2018": Paper(
        "Bernstein et al.",
        2018,
        "signSGD: Compressed Optimisation for Non-Convex Problems",
        "1802.04434",
    ),
    "cao2019": Paper(
        "Cao et al.",
        2019,
        "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss",
        "1906.07413",
    ),
    "chen2024": Paper(
        "Chen et al.",
        2024,
        "On Bias-Variance Alignment in Deep Models",
        "2310.09250",
    ),
    "cui2019": Paper(
        "Cui et al.",
        2019,
        "Class-Balanced Loss Based on Effective Number of Samples",
        "1901.05555",
    ),
    "dang2023": Paper(
        "Dang et al.",
        2023,
        "Neural Collapse in Deep Linear Networks: From Balanced to Imbalanced Data",
        "2301.00437",
    ),
    "dang2024": Paper(
        "Dang et al.",
        2024,
        "Neural Collapse for Cross-entropy Class-Imbalanced Learning with Unconstrained ReLU"
        " Feature Model",
        "2401.02058",
    ),
    "fang2021": Paper(
        "Fang et al.",
        2021,
        "Exploring Deep Neural Networks via Layer-Peeled Model: Minority Collapse in Imbalanced"
        " Training",
        "2101.12699",
    ),
    "garrod2024": Paper(
        "Garrod and Keating",
        2024,
        "The Persistence of Neural Collapse Despite Low-Rank Bias",
        "2410.23169",
    ),
    "garrod2024b": Paper(
        "Garrod and Keating",
        2024,
        "Unifying Low Dimensional Observations in Deep Learning Through the Deep Linear"
        " Unconstrained Feature Model",
        "2404.06106",
    ),
    "gill2023": Paper(
        "Gill, Vakilian and Thrampoulidis",
        2023,
        "Engineering the Neural Collapse Geometry of Supervised-Contrastive Loss",
        "2310.00893",
    ),
    "hasegawa2024": Paper(
        "Hasegawa and Sato",
        2024,
        "Multiplicative Logit Adjustment Approximates Neural-Collapse-Aware Decision Boundary"
        " Adjustment",
        "2409.17582",
    ),
    "hendrycks2017": Paper(
        "Hendrycks and Gimpel",
        2017,
        "A Baseline for Detecting Misclassified and Out-of-Distribution Examples in "
        "Neural Networks",
        "1610.02136",
    ),
    "hendrycks2022": Paper(
        "Hendrycks et al.",
        2022,
        "Scaling Out-of-Distribution Detection for Real-World Settings",
        "1911.11132",
    ),
    "hong2023": Paper(
        "Hong and Ling",
        2023,
        "Neural Collapse for Unconstrained Feature Model under Cross-entropy Loss with Imbalanced"
        " Data",
        "2309.09725",
    ),
    "hong2024": Paper(
        "Hong and Ling",
        2024,
        "Beyond Unconstrained Features: Neural Collapse for Shallow Neural Networks with"
        " General Data",
        "2409.01832",
    ),
    "jacot2025": Paper(
        "Jacot et al.",
        2025,
        "Wide Neural Networks Trained with Weight Decay Provably Exhibit Neural Collapse",
        "2410.04887",
    ),
    "jiang2023": Paper(
        "Jiang et al.",
        2023,
        "Generalized Neural Collapse for a Large Number of Classes",
        "2310.05351",
    ),
    "jiang2025": Paper(
        "Jiang, Zhou and Zhu",
        2025,
        "Tracing Representation Progression: Analyzing and Enhancing Layer-Wise Similarity",
        "2406.14479",
    ),
    "kang2020": Paper(
        "Kang et al.",
        2020,
        "Decoupling Representation and Classifier for Long-Tailed Recognition",
        "1910.09217",
    ),
    "khosla2020": Paper("Khosla et al.", 2020, "Supervised Contrastive Learning", "2004.11362"),
    "kini2021": Paper(
        "Kini et al.",
        2021,
        "Label-Imbalanced and Group-Sensitive Classification under Overparameterization",
        "2103.01550",
    ),
    "kini2023": Paper(
        "Kini et al.",
        2023,
        "Supervised-Contrastive Loss Learns Orthogonal Frames and Batching Matters",
        "2306.07960",
    ),
    "koromilas2024": Paper(
        "Koromilas et al.",
        2024,
        "Bridging Mini-Batch and Asymptotic Analysis in Contrastive Learning: From InfoNCE to"
        " Kernel-Based Losses",
        "2405.18045",
    ),
    "kothapalli2023": Paper(
        "Kothapalli, Tirer and Bruna",
        2023,
        "A Neural Collapse Perspective on Feature Evolution in Graph Neural Networks",
        "2307.01951",
    ),
    "kothapalli2024": Paper(
        "Kothapalli and Tirer",
        2024,
        "Can Kernel Methods Explain How the Data Affects Neural Collapse?",
        "2406.02105",
    ),
    "li2022": Paper(
        "Li et al.",
        2022,
        "Principled and Efficient Transfer Learning of Deep Models via Neural Collapse",
        "2212.12206",
    ),
    "li2023": Paper(
        "Li et al.",
        2023,
        "No Fear of Classifier Biases: Neural Collapse Inspired Federated Learning with "
        "Synthetic and Fixed Classifier",
        "2303.10058",
    ),
    "li2023b": Paper(
        "Li et al.",
        2023,
        "The Lazy Neuron Phenomenon: On Emergence of Activation Sparsity in Transformers",
        "2210.06313",
    ),
    "li2024": Paper(
        "Li et al.",
        2024,
        "Neural Collapse in Multi-label Learning with Pick-all-label Loss",
        "2310.15903",
    ),
    "lin2017": Paper("Lin et al.", 2017, "Focal Loss for Dense Object Detection", "1708.02002"),
    "liu2023": Paper(
        "Liu et al.",
        2023,
        "Generalizing and Decoupling Neural Collapse via Hyperspherical Uniformity Gap",
        "2303.06484",
    ),
    "liu2025": Paper(
        "Liu and Qin",
        2025,
        "Detecting Out-of-Distribution Through the Lens of Neural Collapse",
        "2311.01479",
    ),
    "lu2024": Paper(
        "Lu et al.",
        2024,
        "Neural Collapse Inspired Debiased Representation Learning for Min-max Fairness",
        "",
    ),
    "markou2024": Paper(
        "Markou, Ajanthan and Gould",
        2024,
        "Guiding Neural Collapse: Optimising Towards the Nearest Simplex Equiangular Tight Frame",
        "2411.01248",
    ),
    "liu2023b": Paper(
        "Liu et al.",
        2023,
        "Inducing Neural Collapse in Deep Long-tailed Learning",
        "2302.12453",
    ),
    "menon2021": Paper(
        "Menon et al.",
        2021,
        "Long-Tail Learning via Logit Adjustment",
        "2007.07314",
    ),
    "nacson2019": Paper(
        "Nacson et al.",
        2019,
        "Convergence of Gradient Descent on Separable Data",
        "1803.01905",
    ),
    "ni2025": Paper(
        "Ni et al.",
        2025,
        "Balancing Two Classifiers via A Simplex ETF Structure for Model Calibration",
        "2504.10007",
    ),
    "papyan2020": Paper(
        "Papyan, Han and Donoho",
        2020,
        "Prevalence of Neural Collapse during the Terminal Phase of Deep Learning Training",
        "2008.08186",
    ),
    "pinto2024": Paper(
        "Pinto, Galanti and Balestriero",
        2024,
        "The Fair Language Model Paradox",
        "2410.11985",
    ),
    "ren2020": Paper(
        "Ren et al.",
        2020,
        "Balanced Meta-Softmax for Long-Tailed Visual Recognition",
        "2007.10740",
    ),
    "sharma2023": Paper(
        "Sharma et al.",
        2023,
        "Learning Prototype Classifiers for Long-Tailed Recognition",
        "2302.00491",
    ),
    "sukenik2023": Paper(
        "Súkeník, Mondelli and Lampert",
        2023,
        "Deep Neural Collapse Is Provably Optimal for the Deep Unconstrained Features Model",
        "2305.13165",
    ),
    "sukenik2024": Paper(
        "Súkeník, Lampert and Mondelli",
        2024,
        "Neural Collapse versus Low-rank Bias: Is Deep Neural Collapse Really Optimal?",
        "2405.14468",
    ),
    "sukenik2025": Paper(
        "Súkeník, Lampert and Mondelli",
        2025,
        "Neural Collapse Is Globally Optimal in Deep Regularized ResNets and Transformers",
        "2505.15239",
    ),
    "tarzanagh2023": Paper(
        "Tarzanagh et al.", 2023, "Transformers as Support Vector Machines", "2308.16898"
    ),
    "thrampoulidis2022": Paper(
        "Thrampoulidis et al.",
        2022,
        "Imbalance Trouble: Revisiting Neural-Collapse Geometry",
        "2208.05512",
    ),
    "tirer2023": Paper(
        "Tirer, Huang and Niles-Weed",
        2023,
        "Perturbation Analysis of Neural Collapse",
        "2210.16658",
    ),
    "wang2017": Paper(
        "Wang et al.",
        2017,
        "NormFace: L2 Hypersphere Embedding for Face Verification",
        "1704.06369",
    ),
    "wang2023": Paper(
        "Wang et al.",
        2023,
        "How Far Pre-trained Models Are from Neural Collapse on the Target Dataset "
        "Informs their Transferability",
        "",
    ),
    "wang2024": Paper(
        "Wang et al.",
        2024,
        "Enhancing Compositional Generalization via Compositional Feature Alignment",
        "2402.02851",
    ),
    "wang2024b": Paper(
        "Wang et al.",
        2024,
        "Navigate Beyond Shortcuts: Debiased Learning through the Lens of Neural Collapse",
        "2405.05587",
    ),
    "wu2024": Paper(
        "Wu and Papyan",
        2024,
        "Linguistic Collapse: Neural Collapse in (Large) Language Models",
        "2405.17767",
    ),
    "xiao2024": Paper(
        "Xiao et al.",
        2024,
        "FedLoGe: Joint Local and Generic Federated Learning under Long-tailed Data",
        "2401.08977",
    ),
    "xu2023": Paper(
        "Xu and Liu",
        2023,
        "Quantifying the Variability Collapse of Neural Networks",
        "2306.03440",
    ),
    "yan2024": Paper(
        "Yan et al.", 2024, "Neural Collapse To Multiple Centers For Imbalanced Data", ""
    ),
    "yang2022": Paper(
        "Yang et al.",
        2022,
        "Inducing Neural Collapse in Imbalanced Learning: Do We Really Need a Learnable "
        "Classifier at the End of Deep Neural Network?",
        "2203.09081",
    ),
    "ye2020": Paper(
        "Ye et al.",
        2020,
        "Identifying and Compensating for Feature Deviation in Imbalanced Deep Learning",
        "2001.01385",
    ),
    "zhai2025": Paper(
        "Zhai et al.", 2025, "Contextures: Representations from Contexts", "2505.01557"
    ),
    "zhang2024": Paper(
        "Zhang et al.",
        2024,
        "All-around Neural Collapse for Imbalanced Classification",
        "2408.07253",
    ),
    "zhao2024": Paper(
        "Zhao et al.",
        2024,
        "Implicit Geometry of Next-token Prediction: From Language Sparsity Patterns to Model"
        " Representations",
        "2408.15417",
    ),
    "zhong2023": Paper(
        "Zhong et al.",
        2023,
        "Understanding Imbalanced Semantic Segmentation Through Neural Collapse",
        "2301.01100",
    ),
    "zhou2022": Paper(
        "Zhou et al.",
        2022,
        "Are All Losses Created Equal: A Neural Collapse Perspective",
        "2210.02192",
    ),
    "zhu2021": Paper(
        "Zhu et al.",
        2021,
        "A Geometric Analysis of Neural Collapse with Unconstrained Features",
        "2105.02375",
    ),
}


def cite(key: str, where: str = "") -> str:
    """Return a paper as text names it, and the place in it.

    Raises:
        KeyError: if the paper is not in the bibliography.

    Example:
        >>> cite("thrampoulidis2022", "Theorem 1")
        'Thrampoulidis et al. 2022, Theorem 1'
    """
    paper = PAPERS[key]
    return f"{paper.authors} {paper.year}" + (f", {where}" if where else "")
