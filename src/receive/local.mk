# receive
