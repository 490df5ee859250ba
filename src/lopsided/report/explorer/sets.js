// Class counts of well-known training sets.

const CIFAR = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

const SETS = {
  "HAM10000 (skin lesions)": {
    counts: [6705, 1113, 1099, 514, 327, 142, 115],
    names: ["nv", "mel", "bkl", "bcc", "akiec", "vasc", "df"],
  },
  "ISIC 2019 (skin lesions)": {
    counts: [4522, 12875, 3323, 867, 2624, 239, 253, 628],
    names: ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"],
  },
  "SVHN (house numbers)": {
    counts: [4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659],
    names: null,
  },
  "GTSRB (traffic signs)": {
    counts: [
      210, 2220, 2250, 1410, 1980, 1860, 420, 1440, 1410, 1470, 2010, 1320, 2100, 2160, 780, 630,
      420, 1110, 1200, 210, 360, 330, 390, 510, 270, 1500, 600, 240, 540, 270, 450, 780, 240, 689,
      420, 1200, 390, 210, 2070, 300, 360, 240, 240,
    ],
    names: null,
  },
};
