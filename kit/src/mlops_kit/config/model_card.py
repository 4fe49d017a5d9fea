"""The team's part of the model cards, `model_card:` in config/pipelines.yaml, under the names of SageMaker's schema."""

from __future__ import annotations

from mlops_kit.config.reader import ConfigSection

KEY = "model_card"
RISK_RATING = "risk_rating"
RISKS = ("High", "Medium", "Low", "Unknown")
# By section of the card: what a team can write there, and the number of characters that the schema allows.
TEXTS = {
    "model_overview": {"model_creator": 1024},
    "intended_uses": {
        "purpose_of_model": 2048,
        "intended_uses": 2048,
        "factors_affecting_model_efficiency": 2048,
        RISK_RATING: 0,  # one of RISKS
        "explanations_for_risk_rating": 2048,
    },
    "business_details": {"business_problem": 2048, "business_stakeholders": 2048, "line_of_business": 2048},
    "training_details": {"training_observations": 1024},
    "additional_information": {"ethical_considerations": 2048, "caveats_and_recommendations": 2048},
}

CardTexts = dict[str, dict[str, str]]  # by section and key of the card


def read_model_card(section: ConfigSection) -> CardTexts:
    """The texts of the section `model_card` of a file, which may be missing; a part without texts is empty.

    Raises:
        UserError: a key is not one of SageMaker's schema, or a text is too long.
    """
    card: CardTexts = {part: {} for part in TEXTS}
    own = section.optional_section(KEY)
    known = {key: (part, limit) for part, texts in TEXTS.items() for key, limit in texts.items()}
    for key in own.names:
        if key not in known:
            raise own.unknown(key, "part of a model card that a team writes", known)
        part, limit = known[key]
        card[part][key] = own.choice(key, *RISKS) if key == RISK_RATING else _text(own, key, limit)
    return card


def _text(section: ConfigSection, key: str, limit: int) -> str:
    # ${...} is a placeholder, which a deployment replaces with a fact of the environment
    pattern = rf"(?s)(?!.*\$\{{).{{1,{limit}}}"
    return section.text(key, pattern, f"a text of 1 to {limit} characters, without ${{").strip()
