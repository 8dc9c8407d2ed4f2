"""Doors to other libraries, each a file that nothing else imports: what it costs when unused is nothing.

estimators.py scikit-learn's classifiers and regressors.
"""
