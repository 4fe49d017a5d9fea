import json,time,dataclasses
from pipelines.compiled import compile_all
from pipelines.check import check
from pipelines.environment import *
a=compile_all()
t=time.time()
e=dataclasses.replace(load_environment("dev"),subnets=("subnet-1","subnet-2"),security_groups=("sg-1",))
for k,v in a.items():
    d=json.loads(v)
    for f in check(d): print(k,f)
    for f in check(bind(d,e,read_lineage())): print("bound",k,f)
print(time.time()-t)
