"""The hyperparameters of the model in model.py: names, defaults and limits.

Nothing is imported that a pipeline definition would have to load: settings, tuning and train.py read this one table.
"""

from mlops_jobs.hyperparameter import Hyperparameter

# XGBoost's own names and limits: https://xgboost.readthedocs.io/en/stable/parameter.html. A share must be above 0.
HYPERPARAMETERS = {
    "num_round": Hyperparameter(500, min=1),
    "early_stopping_rounds": Hyperparameter(25, min=1),
    "max_depth": Hyperparameter(4),
    "eta": Hyperparameter(0.05, min=1e-6, max=1),
    "subsample": Hyperparameter(0.8, min=1e-6, max=1),
    "colsample_bytree": Hyperparameter(0.8, min=1e-6, max=1),
    "min_child_weight": Hyperparameter(3.0, min=0),
    "gamma": Hyperparameter(0.0, min=0),
    "alpha": Hyperparameter(0.0, min=0),
    "lambda": Hyperparameter(1.0, min=0),
    "seed": Hyperparameter(1),
}
