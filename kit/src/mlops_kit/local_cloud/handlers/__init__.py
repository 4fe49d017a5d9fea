"""What moto lacks: here in front of its server, and under inside_moto/ where only moto's own objects can be put right.

moto 5.2 stores pipelines and says of every execution that it succeeded. Here StartPipelineExecution really runs the
definition, and what is asked about executions is answered from what became of them. And:

- UpdateModelPackage of moto forgets whatever one call does not mention: the approval, its description, the customer's
  metadata. AWS changes what is given, and so does this.
- CreateModelPackage of moto leaves a package without an approval status if none is given; AWS makes it wait for one.
- A model package that changes is told of as an event; moto deletes none.
- Groups of model packages have no policy in moto, and no end; budgets no subscribers, no tags and no second version.
"""

from mlops_kit.local_cloud.gateway import Additions

__all__ = ["Additions"]
