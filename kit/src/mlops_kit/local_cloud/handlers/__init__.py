"""Operations that moto lacks or implements differently, handled in front of its server.

Where only a change of moto's own objects helps, see the patches. moto 5.2 stores pipelines, and every execution of
theirs succeeds. Here StartPipelineExecution runs the definition, and the operations on executions describe that run.
Furthermore:

- moto's UpdateModelPackage clears the approval, its description and the customer metadata if a request omits them.
  AWS keeps omitted fields, and so does this.
- moto's CreateModelPackage leaves a version without an approval status if the request has none. In AWS it is pending.
- moto emits no events for model packages, and cannot delete them.
- moto has no policies of model package groups and cannot delete groups; it has no subscribers, tags or updates of
  budgets.
"""
