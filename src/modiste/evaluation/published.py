"""The paper's own figures, as it prints them: Tables 3 to 7, and the counts its text gives.

Rows carry the names of Table 7, columns the names of METRICS. Tables 3, 4 and 7 do not name their averages: we read them as macro.
"""

from __future__ import annotations

from collections.abc import Mapping

Rows = Mapping[str, Mapping[str, float]]

RESNET, RESNET_CBAM = "Resnet (baseline)", "Resnet-CBAM"
OUTSIDE = ("5Conv_SVM",)  # the hole in the paper's grid: ours, in none of its tables


def averages(recall: float, precision: float, f1: float) -> dict[str, float]:
    return {"macro_recall": recall, "macro_precision": precision, "macro_f1": f1}


def of_class(precision: float, recall: float, f1: float) -> dict[str, float]:
    return {"precision": precision, "recall": recall, "f1": f1}


TABLE_3: Rows = {  # the paper numbers these rows as groups 1 to 7
    "AlexNet (baseline)": averages(0.8222, 0.8525, 0.8194) | {"macro_specificity": 0.9309},
    "3Conv_Softmax": averages(0.8331, 0.8479, 0.8238) | {"macro_specificity": 0.9322},
    "3Conv_SVM": averages(0.8402, 0.858, 0.8384) | {"macro_specificity": 0.9366},
    "4Conv_Softmax": averages(0.8343, 0.8546, 0.8274) | {"macro_specificity": 0.9327},
    "4Conv_SVM": averages(0.8214, 0.857, 0.8235) | {"macro_specificity": 0.9301},
    "6Conv_Softmax": averages(0.8295, 0.8519, 0.82) | {"macro_specificity": 0.9308},
    "6Conv_SVM": averages(0.8513, 0.8722, 0.8466) | {"macro_specificity": 0.9393},
}

TABLE_4: Rows = {  # the paper writes AlexNet_CBAM here and Alex-CBAM in Table 7
    "AlexNet (baseline)": averages(0.8222, 0.8525, 0.8194),
    "Alex-CBAM(16&7)": averages(0.8810, 0.8680, 0.8720),
    "Alex-CBAM(8&7)": averages(0.8380, 0.8350, 0.8360),
    "Alex-CBAM(8&5)": averages(0.8420, 0.8370, 0.8380),
}

TABLE_5: Rows = {  # ResNet baseline
    "Shoes": of_class(0.84, 0.97, 0.9),
    "Clothing": of_class(0.88, 0.94, 0.91),
    "Accessories": of_class(0.93, 0.68, 0.79),
    "Bags": of_class(0.72, 0.89, 0.8),
    "Accuracy": {"f1": 0.85},  # stands in the F1 column
    "Macro avg": of_class(0.84, 0.87, 0.85),
    "Weighted avg": of_class(0.86, 0.85, 0.85),
}

TABLE_6: Rows = {  # ResNet + CBAM
    "Shoes": of_class(0.95, 0.99, 0.97),
    "Clothing": of_class(0.91, 0.96, 0.93),
    "Accessories": of_class(0.94, 0.87, 0.91),
    "Bags": of_class(0.91, 0.89, 0.9),
    "Accuracy": {"f1": 0.93},
    "Macro avg": of_class(0.93, 0.93, 0.93),
    "Weighted avg": of_class(0.93, 0.93, 0.92),
}

TABLE_7: Rows = {
    "AlexNet (baseline)": averages(0.8222, 0.8525, 0.8194),
    "3Conv_Softmax": averages(0.8331, 0.8479, 0.8238),
    "3Conv_SVM": averages(0.8402, 0.858, 0.8384),
    "4Conv_Softmax": averages(0.8343, 0.8546, 0.8274),
    "4Conv_SVM": averages(0.8214, 0.857, 0.8235),
    "6Conv_Softmax": averages(0.8295, 0.8519, 0.82),
    "6Conv_SVM": averages(0.8513, 0.8722, 0.8466),
    "Alex-CBAM(16&7)": averages(0.881, 0.868, 0.872),
    "Alex-CBAM(8&7)": averages(0.838, 0.835, 0.836),
    "Alex-CBAM(8&5)": averages(0.842, 0.837, 0.838),
    RESNET: averages(0.84, 0.87, 0.85),  # as printed: Table 5 has precision .84 and recall .87
    RESNET_CBAM: averages(0.93, 0.93, 0.93),
}

SWAP = "The paper's Table 7 swaps precision and recall of Resnet (baseline) against its Table 5; its figures are kept as printed."

ACCESSORIES_RIGHT = {"AlexNet (baseline)": 198, "Alex-CBAM(16&7)": 291}  # section 5.2: accessories called accessories
TEST_PHOTOS = {"Shoes": 146, "Clothing": 372, "Accessories": 312, "Bags": 157}  # implied: they sum to 987 and give Tables 5 and 6

NAMES = tuple(TABLE_7)  # the twelve models
REPORTED = {5: RESNET, 6: RESNET_CBAM}  # the tables that report one model class by class
PUBLISHED: dict[int, Rows] = {3: TABLE_3, 4: TABLE_4, 5: TABLE_5, 6: TABLE_6, 7: TABLE_7}
