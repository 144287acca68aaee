"""What the paper claims, measured as decision 0020 says, and what the studies beyond it ask."""

from __future__ import annotations

from modiste.evaluation.claims import Claim
from modiste.evaluation.published import RESNET_CBAM, TABLE_3
from modiste.models.variants import PAPER_VARIANTS

SOFTMAX = {3: "3Conv_Softmax", 4: "4Conv_Softmax", 5: "AlexNet (baseline)", 6: "6Conv_Softmax"}
SVM = {depth: f"{depth}Conv_SVM" for depth in SOFTMAX}
ACCESSORIES = 0.02  # a gain worth having in the recall of one class: six of the paper's 312 photos

PAPER_CLAIMS = (
    Claim("1. More convolutional layers improve AlexNet", trend=tuple(SOFTMAX.values())),  # sections 4.2 and VI
    Claim(  # Table 3; 5Conv_SVM is none of the paper's
        "2. The SVM beats softmax at the same depth", pairs=tuple((SVM[depth], SOFTMAX[depth]) for depth in SOFTMAX if depth != 5)
    ),
    Claim(  # section 5.2: 198 -> 291 of 312
        "3. CBAM lifts minority classes, accessories above all",
        "recall of Accessories",
        of="Alex-CBAM(16&7)",
        over="AlexNet (baseline)",
        least=ACCESSORIES,
    ),
    Claim("4. ResNet-18 with CBAM is the best of all", of=RESNET_CBAM, among=PAPER_VARIANTS),  # Table 7
    Claim(  # section 5.1, of the models of study 1
        "5. 3Conv_SVM is the best trade of accuracy for operations", of="3Conv_SVM", among=tuple(TABLE_3), cost="flops", margin=-0.01
    ),
    Claim(
        "5, by another cost: 3Conv_SVM is the best trade of accuracy for parameters",
        of="3Conv_SVM",
        among=tuple(TABLE_3),
        cost="parameters",
        margin=-0.01,
    ),
)

FROM_IDENTITY = "CBAM from the identity"

UNFREEZING_CLAIMS = (
    Claim("CBAM helps a frozen ResNet-18", of="frozen + CBAM", over="frozen"),
    Claim("CBAM that starts as the identity helps a frozen ResNet-18", of=f"frozen + {FROM_IDENTITY}", over="frozen"),
    Claim("CBAM helps an unfrozen ResNet-18", of="unfrozen + CBAM", over="unfrozen"),
    Claim("CBAM that starts as the identity helps an unfrozen ResNet-18", of=f"unfrozen + {FROM_IDENTITY}", over="unfrozen"),
    Claim("Unfreezing helps a ResNet-18 without CBAM", of="unfrozen", over="frozen"),
    Claim("Unfreezing alone gives as much as CBAM on a frozen network", of="unfrozen", over="frozen + CBAM", margin=-0.005),
    Claim(
        "Unfreezing alone gives as much as CBAM from the identity on a frozen network",
        of="unfrozen",
        over=f"frozen + {FROM_IDENTITY}",
        margin=-0.005,
    ),
)
