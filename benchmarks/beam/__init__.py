"""What serving costs on Beam's runner Prism, beside a pipeline that only counts and beside RunInference."""
